# SPDX-License-Identifier: Apache-2.0
"""`make image`: an OCI layout with our programs, what they need, and nothing else."""
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TORTIE_BUILD", TOP / "build"))
NAME = "docker.io/tortie/tortie:" + (TOP / "VERSION").read_text().strip()
OCTETS_MAX = 16 * 1048576


def make_image(**variables):
    subprocess.run(["make", "-C", TOP, "--no-print-directory", "image",
                    *(f"{name}={value}" for name, value in variables.items())],
                   check=True, timeout=600, stdout=subprocess.DEVNULL)


@pytest.fixture(name="tar", scope="module")
def image_tar():
    make_image()
    return BUILD / "tortie-image.tar"


@pytest.fixture(name="blobs", scope="module")
def blobs_by_path(tar):
    with tarfile.open(tar) as file:
        return {member.name: file.extractfile(member).read() for member in file.getmembers()}


def blob(blobs, entry):
    octets = blobs["blobs/sha256/" + entry["digest"].removeprefix("sha256:")]
    assert len(octets) == entry["size"]
    assert "sha256:" + hashlib.sha256(octets).hexdigest() == entry["digest"]
    return octets


@pytest.fixture(name="layer", scope="module")
def unpacked_layer(blobs):
    manifest = json.loads(blob(blobs, json.loads(blobs["index.json"])["manifests"][0]))
    return gzip.decompress(blob(blobs, manifest["layers"][0]))


@pytest.fixture(name="root", scope="module")
def root_of_image(layer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    with tarfile.open(fileobj=io.BytesIO(layer)) as file:
        file.extractall(folder)
    yield folder
    shutil.rmtree(folder)


def test_it_is_an_oci_layout(blobs, layer):
    """image-spec 1.0: oci-layout, index.json, every digest and size true."""
    assert json.loads(blobs["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(blobs["index.json"])
    entry = index["manifests"][0]
    assert index["schemaVersion"] == 2 and len(index["manifests"]) == 1
    assert entry["annotations"]["io.containerd.image.name"] == NAME
    manifest = json.loads(blob(blobs, entry))
    config = json.loads(blob(blobs, manifest["config"]))
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    assert config["rootfs"] == {"type": "layers", "diff_ids": [digest]}
    assert config["architecture"] == entry["platform"]["architecture"]


def test_it_is_a_docker_archive_too(blobs):
    item, = json.loads(blobs["manifest.json"])
    assert item["RepoTags"] == [NAME]
    assert item["Config"] in blobs and all(path in blobs for path in item["Layers"])


def test_equal_input_gives_equal_octets(tar):
    before = tar.read_bytes()
    tar.unlink()
    make_image()
    assert tar.read_bytes() == before


def test_it_is_small(tar):
    assert tar.stat().st_size < OCTETS_MAX


def test_programs_run_with_what_is_in_it(root):
    for program in ("tortied", "tortie-bgpd", "tortie-kubed", "tortie"):
        done = subprocess.run(["chroot", root, f"/opt/tortie/bin/{program}", "--version"],
                              capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout.startswith(program), (program, done.stderr)
    done = subprocess.run(["chroot", root, "/opt/tortie/bin/tortie-cni"], timeout=30, check=False,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "CNI_COMMAND": "VERSION"})
    assert "supportedVersions" in done.stdout


def test_the_command_runs_without_the_hosts_libraries(root):
    """As on a host of another distribution: /opt/tortie alone, no /lib and no /etc."""
    host = root.with_name("host")
    shutil.copytree(root / "opt", host / "opt", symlinks=True)
    try:
        done = subprocess.run(["chroot", host, "/opt/tortie/bin/tortie", "--version"],
                              capture_output=True, text=True, timeout=30, check=False)
    finally:
        shutil.rmtree(host)
    assert done.stdout.startswith("tortie "), done.stderr


def test_users_are_known_in_it(root):
    """By the names that the programs look up."""
    names = {line.split(":")[0]: line for line in (root / "etc/group").read_text().splitlines()}
    assert names["tortie"].endswith(":tortie-bgpd,tortie-kubed")
    assert "tortie-kubed" in (root / "etc/passwd").read_text()


def test_nothing_in_it_opens_a_door(layer):
    """No shell, nobody else's program, no set-uid bit, nothing that others may write but /tmp."""
    programs = set()
    with tarfile.open(fileobj=io.BytesIO(layer)) as file:
        for member in file.getmembers():
            assert (member.uid, member.gid, member.mtime) == (0, 0, 0), member.name
            assert not member.mode & 0o6000, member.name
            assert member.issym() or member.name == "tmp" or not member.mode & 0o022, member.name
            if member.isfile() and member.mode & 0o111 and "/lib/" not in member.name:
                programs.add(os.path.basename(member.name))
    assert programs == {"tortied", "tortie-bgpd", "tortie-kubed", "tortie", "tortie-cni"}
