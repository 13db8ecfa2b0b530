#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make_image.py OUT.tar NAME PROGRAM... [--file PATH=FILE]... [--strip TOOL]: one container image.

The image holds the programs, the shared libraries that they need (what the loader says), the
dynamic loader, names of users, CA certificates, and nothing else: no shell, no package manager. No
registry, no container engine and no root are needed to make it.

    /opt/tortie/bin     the programs, stripped
    /opt/tortie/lib     libraries and the loader, ld.so; /lib leads here
    /opt/tortie/share   copyright notices of the packages that the libraries are from
    /etc                deploy/image/: passwd, group, nsswitch.conf; ssl/certs

A host gets its `tortie` by a copy of /opt/tortie: that program is linked with the loader and the
libraries of this folder (Makefile), so that the distribution of the host does not matter.

The tar is an OCI layout (image-spec 1.0) with the manifest.json of `docker save` beside it, so
`ctr images import`, `podman load`, `docker load` and `kind load image-archive` take it. Equal input
gives equal octets: times are 0, owners 0, the order is by name.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ETC = os.path.join(TOP, "deploy", "image")
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
PREFIX = "opt/tortie"
# Mount points: a root that is read-only cannot get them later.
FOLDERS = ("etc/tortie", "host/bpf", "host/proc/sys/net", "run/tortie", "tmp", "var/lib/tortie",
           "var/run/secrets", "proc", "sys", "dev")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
OCI = "application/vnd.oci.image"
EPOCH = "1970-01-01T00:00:00Z"


def fail(words):
    sys.exit(f"make_image: {words}")


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def interpreter(program):
    """The dynamic loader that a program asks for, None: it is static."""
    status, text = output_of("readelf", "-lW", program)
    if status != 0:
        fail(f"{program}: readelf: {text.strip()}")
    found = re.search(r"\[Requesting program interpreter: (/\S+)\]", text)
    return found.group(1) if found else None


def libraries(program):
    """Path of each shared library by its name, and where the loader is wanted and found. A program
    that asks for the image's own loader is listed by this machine's."""
    wanted = interpreter(program)
    if not wanted:
        return {}, None
    loader = interpreter(sys.executable) if wanted.startswith(f"/{PREFIX}/") else wanted
    # ":" is the program itself: a tortie that is installed here must not lend its libraries.
    status, text = output_of(loader, "--inhibit-rpath", ":", "--list", program)
    if status != 0 or "not found" in text:
        fail(f"{program}: {loader} --list: {text.strip()}")
    return dict(re.findall(r"^\s*([^\s/]+) => (/\S+) \(", text, flags=re.M)), (wanted, loader)


def copyrights(paths):
    """The notices of the packages that the libraries are from, where dpkg knows."""
    notices = {}
    for path in sorted({os.path.realpath(path) for path in paths}):
        status, text = output_of("dpkg-query", "-S", path)
        if status != 0:
            status, text = output_of("dpkg-query", "-S", re.sub(r"^/usr/lib", "/lib", path))
        package = text.split(":")[0]
        notice = f"/usr/share/doc/{package}/copyright"
        if status == 0 and os.path.exists(notice):
            notices[f"{PREFIX}/share/doc/{package}/copyright"] = notice
    return notices


class Tree:
    """Files of the image: path -> (mode, octets or the target of a link)."""

    def __init__(self):
        self.file = {}
        self.link = {}
        self.folder = set(FOLDERS)

    def add(self, path, source, mode=0o644):
        with open(source, "rb") as file:
            self.file[path] = (mode, file.read())

    def layer(self):
        for path in [*self.file, *self.link, *list(self.folder)]:
            while os.path.dirname(path):
                path = os.path.dirname(path)
                self.folder.add(path)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted({*self.file, *self.link, *self.folder}):
                self.put(tar, path)
        return buffer.getvalue()

    def put(self, tar, path):
        entry = tarfile.TarInfo(path)
        if path in self.link:
            entry.type, entry.linkname = tarfile.SYMTYPE, self.link[path]
            entry.mode = 0o777
            tar.addfile(entry)
        elif path in self.file:
            entry.mode, octets = self.file[path]
            entry.size = len(octets)
            tar.addfile(entry, io.BytesIO(octets))
        else:
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if path == "tmp" else 0o755
            tar.addfile(entry)


def add_program(tree, program, strip, folder):
    stripped = os.path.join(folder, os.path.basename(program))
    shutil.copyfile(program, stripped)
    status, text = output_of(strip, "-s", stripped)
    if status != 0:
        fail(f"{program}: {strip}: {text.strip()}")
    tree.add(f"{PREFIX}/bin/{os.path.basename(program)}", stripped, 0o755)


def build_tree(arguments):
    tree = Tree()
    used = {}
    loaders = set()
    with tempfile.TemporaryDirectory() as folder:
        for program in arguments.program:
            add_program(tree, program, arguments.strip, folder)
            found, loader = libraries(program)
            used.update(found)
            loaders.update([loader] if loader else [])
    for name, path in used.items():
        tree.add(f"{PREFIX}/lib/{name}", path, 0o755)
    for wanted, path in loaders:
        tree.add(f"{PREFIX}/lib/ld.so", path, 0o755)
        if wanted.startswith("/lib/"):
            tree.link[f"{PREFIX}{wanted}"] = "ld.so"
        elif not wanted.startswith(f"/{PREFIX}/"):
            tree.link[wanted.lstrip("/")] = f"/{PREFIX}/lib/ld.so"
    tree.link["lib"] = f"{PREFIX}/lib"
    for notice, path in copyrights([*used.values(), *(path for _, path in loaders)]).items():
        tree.add(notice, path)
    for name in ("passwd", "group", "nsswitch.conf"):
        tree.add(f"etc/{name}", os.path.join(ETC, name))
    bundle = next((path for path in CA_BUNDLES if os.path.exists(path)), None)
    if bundle:
        tree.add("etc/ssl/certs/ca-certificates.crt", bundle)
    for path, source in (pair.split("=", 1) for pair in arguments.file):
        tree.add(path.lstrip("/"), source)
    return tree


class Layout:
    """An OCI layout that grows blob by blob."""

    def __init__(self):
        self.blob = {}

    def add(self, octets, media_type):
        digest = hashlib.sha256(octets).hexdigest()
        self.blob[digest] = octets
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(octets)}

    def add_json(self, value, media_type):
        return self.add(json.dumps(value, sort_keys=True).encode(), media_type)


def write_image(out, name, layer, command=("tortie", "version")):
    layout = Layout()
    arch = ARCHITECTURES.get(platform.machine()) or fail(f"{platform.machine()}: unknown machine")
    squeezed = gzip.compress(layer, 9, mtime=0)
    layer_entry = layout.add(squeezed, f"{OCI}.layer.v1.tar+gzip")
    config = layout.add_json({
        "architecture": arch, "os": "linux", "created": EPOCH,
        "config": {"Cmd": list(command), "WorkingDir": "/",
                   "Env": [f"PATH=/{PREFIX}/bin"]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        "history": [{"created": EPOCH, "created_by": "make image"}],
    }, f"{OCI}.config.v1+json")
    manifest = layout.add_json({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config,
        "layers": [layer_entry]}, f"{OCI}.manifest.v1+json")
    manifest["platform"] = {"architecture": arch, "os": "linux"}
    manifest["annotations"] = {"io.containerd.image.name": name,
                               "org.opencontainers.image.ref.name": name.rsplit(":", 1)[1]}
    blob_path = {entry["digest"]: "blobs/sha256/" + entry["digest"][7:]
                 for entry in (config, layer_entry)}
    files = {f"blobs/sha256/{digest}": octets for digest, octets in layout.blob.items()}
    files["oci-layout"] = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()
    files["index.json"] = json.dumps({
        "schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [manifest]},
        sort_keys=True).encode()
    files["manifest.json"] = json.dumps([{
        "Config": blob_path[config["digest"]], "RepoTags": [name],
        "Layers": [blob_path[layer_entry["digest"]]]}], sort_keys=True).encode()
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size = len(files[path])
            tar.addfile(entry, io.BytesIO(files[path]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out")
    parser.add_argument("name", help="of the image, with a tag: docker.io/tortie/tortie:0.1.0")
    parser.add_argument("program", nargs="+")
    parser.add_argument("--file", action="append", default=[], metavar="PATH=FILE")
    parser.add_argument("--strip", default="strip")
    arguments = parser.parse_args()
    if not re.fullmatch(r"[a-z0-9./-]+:[A-Za-z0-9_.-]+", arguments.name):
        fail(f"{arguments.name}: not a name with a tag")
    layer = build_tree(arguments).layer()
    write_image(f"{arguments.out}.new", arguments.name, layer)
    os.rename(f"{arguments.out}.new", arguments.out)
    print(f"{arguments.out}: {arguments.name}, {os.path.getsize(arguments.out)} octets, "
          f"{len(layer)} unpacked")


if __name__ == "__main__":
    main()
