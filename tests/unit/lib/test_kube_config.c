/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kube_config.c: kubeconfigs as kubectl reads them, and a pod's service account.
 *
 * Expected values are those of the reference of kubeconfig (v1): data before file, tokenFile
 * before token, the first of several files counts, relative paths start at the file's folder.
 *
 * links: lib/kube_config.c lib/kube_account.c lib/config_yaml.c
 * libs: -lyaml -lresolv
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kube_config.h"

#define CLUSTER	  "clusters:\n- {name: c, cluster: {server: \"https://10.0.0.1:6443\"}}\n"
#define CONTEXT	  "contexts:\n- {name: x, context: {cluster: c, user: u}}\ncurrent-context: x\n"
#define USER(...) CLUSTER CONTEXT "users:\n- {name: u, user: {" __VA_ARGS__ "}}\n"

static struct kube_config_error error;

static struct kube_config *parse(const char *text)
{
	struct kube_config *config = NULL;
	int err = kube_config_parse(text, strlen(text), "/etc/k/config", &config, &error);

	if (err < 0)
		fail_msg("%s", error.text);
	return config;
}

/* The refusal of @text; its words are in error. */
static int refusal(const char *text)
{
	struct kube_config *config = NULL;
	int err;

	error.text[0] = '\0';
	err = kube_config_parse(text, strlen(text), "/etc/k/config", &config, &error);
	assert_null(config);
	assert_int_not_equal(error.text[0], '\0');
	return err;
}

static void write_file(const char *dir, const char *name, const char *text, char *ret_path)
{
	int fd;

	snprintf(ret_path, 256, "%s/%s", dir, name);
	fd = open(ret_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void all_parts_of_a_context_are_taken(void **state)
{
	struct kube_config *config =
		parse("apiVersion: v1\nkind: Config\npreferences: {}\n"
		      "clusters:\n- name: other\n  cluster: {server: \"https://other\"}\n"
		      "- name: c\n  cluster:\n    server: https://[fd00::1]:6443/k8s/\n"
		      "    certificate-authority-data: Q0EK\n    tls-server-name: kubernetes\n"
		      "    proxy-url: socks5://127.0.0.1:1080\n"
		      "users:\n- name: u\n  user:\n    client-certificate-data: Q0VSVAo=\n"
		      "    client-key-data: S0VZCg==\n    token: abc.def\n"
		      "contexts:\n- name: x\n  context: {cluster: c, user: u, namespace: ns1}\n"
		      "current-context: x\n");

	assert_string_equal(config->server, "https://[fd00::1]:6443/k8s");
	assert_string_equal(config->ca.data, "CA\n");
	assert_int_equal(config->ca.len, 3);
	assert_string_equal(config->tls_server_name, "kubernetes");
	assert_string_equal(config->proxy_url, "socks5://127.0.0.1:1080");
	assert_string_equal(config->cert.data, "CERT\n");
	assert_string_equal(config->key.data, "KEY\n");
	assert_string_equal(config->token, "abc.def");
	assert_string_equal(config->namespace_name, "ns1");
	assert_string_equal(config->context, "x");
	assert_string_equal(config->source, "/etc/k/config");
	assert_false(config->is_insecure);
	kube_config_free(config);
}

static void relative_paths_start_at_the_folder_of_the_file(void **state)
{
	struct kube_config *config = parse(
		"clusters:\n- name: c\n  cluster: {server: \"https://a\", "
		"certificate-authority: pki/ca.crt, insecure-skip-tls-verify: true}\n"
		"users:\n- name: u\n  user: {client-certificate: /abs/c.crt, client-key: c.key, "
		"tokenFile: ../token, token: not-used}\n" CONTEXT);

	assert_string_equal(config->ca_file, "/etc/k/pki/ca.crt");
	assert_string_equal(config->cert_file, "/abs/c.crt");
	assert_string_equal(config->key_file, "/etc/k/c.key");
	assert_string_equal(config->token_file, "/etc/k/../token");
	assert_null(config->token);
	assert_true(config->is_insecure);
	assert_string_equal(config->namespace_name, "default");
	kube_config_free(config);
}

static void data_comes_before_a_file(void **state)
{
	struct kube_config *config =
		parse("clusters:\n- name: c\n  cluster: {server: \"https://a\", "
		      "certificate-authority: ca.crt, certificate-authority-data: Q0EK}\n" CONTEXT
		      "users: [{name: u, user: {}}]\n");

	assert_string_equal(config->ca.data, "CA\n");
	assert_null(config->ca_file);
	kube_config_free(config);
}

static void json_is_read_too(void **state)
{
	struct kube_config *config =
		parse("{\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://a:1\"}}],"
		      "\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\"}}],"
		      "\"current-context\":\"x\"}");

	assert_string_equal(config->server, "https://a:1");
	assert_null(config->token);
	kube_config_free(config);
}

static void what_is_not_served_is_refused_by_name(void **state)
{
	static const struct {
		const char *text, *word;
	} rows[] = {
		{ USER("exec: {command: aws, args: [a], env: [{name: A, value: b}]}"), "exec" },
		{ USER("auth-provider: {name: gcp}"), "auth-provider" },
		{ USER("username: admin, password: hunter2"), "username" },
		{ USER("token: t0ken, as: root"), "as" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(refusal(rows[i].text), -ENOTSUP);
		assert_non_null(strstr(error.text, rows[i].word));
		assert_non_null(strstr(error.text, "/etc/k/config"));
		assert_null(strstr(error.text, "hunter2"));
		assert_null(strstr(error.text, "t0ken"));
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", "the file is empty" },
		{ " \n", "the file is empty" },
		{ "a: [", "/etc/k/config:2:1: not YAML" },
		{ CLUSTER, "current-context: missing" },
		{ CLUSTER "current-context: y\n", "context \"y\": there is no entry" },
		{ CONTEXT, "cluster \"c\": there is no entry" },
		{ CLUSTER CONTEXT, "user \"u\": there is no entry" },
		{ "contexts: [{name: x, context: {user: u}}]\ncurrent-context: x\n",
		  "context \"x\": cluster: missing" },
		{ "clusters: [{name: c, cluster: {}}]\n" CONTEXT, "server: missing" },
		{ "clusters: [{name: c, cluster: {server: \"ftp://a\"}}]\n" CONTEXT, "https://" },
		{ "clusters: [{name: c, cluster: {server: \"http://10.0.0.1\"}}]\n" CONTEXT,
		  "http:// only to this host" },
		{ "clusters: [{name: c, cluster: {server: \"https://u:p@a\"}}]\n" CONTEXT,
		  "server: not a URL" },
		{ "clusters: [{name: c, cluster: {server: \"https://a\", "
		  "certificate-authority-data: \"*\"}}]\n" CONTEXT,
		  "certificate-authority-data: not base64" },
		{ USER("client-certificate: c.crt"), "need each other" },
		{ USER("client-key-data: S0VZCg=="), "need each other" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(refusal(rows[i].text), -EINVAL);
		if (!strstr(error.text, rows[i].words))
			fail_msg("row %zu: %s", i, error.text);
	}
}

static void the_first_of_several_files_counts(void **state)
{
	char dir[] = "/tmp/kube-config-XXXXXX", a[256], b[256], list[1024];
	struct kube_config *config;

	assert_non_null(mkdtemp(dir));
	write_file(dir, "a", CONTEXT "users: [{name: u, user: {token: from-a}}]\n", a);
	write_file(dir, "b", USER("token: from-b"), b);
	snprintf(list, sizeof(list), "%s/none:%s:%s", dir, a, b);
	assert_int_equal(kube_config_load(list, NULL, &config, &error), 0);
	assert_string_equal(config->server, "https://10.0.0.1:6443");
	assert_string_equal(config->token, "from-a");
	kube_config_free(config);
	assert_int_equal(kube_config_load(b, "none", &config, &error), -EINVAL);
	unlink(a);
	unlink(b);
	assert_int_equal(kube_config_load(b, NULL, &config, &error), -ENOENT);
	assert_non_null(strstr(error.text, b));
	rmdir(dir);
}

static void the_service_account_is_found_and_its_token_read_anew(void **state)
{
	char dir[] = "/tmp/kube-config-XXXXXX", token_path[256], ns_path[256];
	struct kube_config *config;
	char *token;

	assert_non_null(mkdtemp(dir));
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	write_file(dir, "namespace", "tortie-system\n", ns_path);
	assert_int_equal(kube_config_in_cluster(dir, &config, &error), 0);
	assert_string_equal(config->server, "https://[fd00::1]:443");
	assert_string_equal(config->namespace_name, "tortie-system");
	assert_int_equal(kube_config_token(config, &token, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/token"));
	for (int i = 0; i < 2; i++) {
		write_file(dir, "token", i ? "second" : "first\n", token_path);
		assert_int_equal(kube_config_token(config, &token, &error), 0);
		assert_string_equal(token, i ? "second" : "first");
		free(token);
	}
	write_file(dir, "token", "two words", token_path);
	assert_int_equal(kube_config_token(config, &token, &error), -EINVAL);
	assert_null(strstr(error.text, "words"));
	kube_config_free(config);
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	assert_int_equal(kube_config_in_cluster(dir, &config, &error), 0);
	assert_string_equal(config->server, "https://10.96.0.1:443");
	kube_config_free(config);
	setenv("KUBERNETES_SERVICE_HOST", "a/b", 1);
	assert_int_equal(kube_config_in_cluster(dir, &config, &error), -EINVAL);
	unlink(token_path);
	unlink(ns_path);
	rmdir(dir);
}

static void it_is_looked_for_where_kubectl_looks(void **state)
{
	char dir[] = "/tmp/kube-config-XXXXXX", path[256], folder[256];
	struct kube_config *config;

	assert_non_null(mkdtemp(dir));
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBECONFIG");
	setenv("HOME", dir, 1);
	assert_int_equal(kube_config_find(NULL, NULL, &config, &error), -ENOENT);
	snprintf(folder, sizeof(folder), "%s/.kube", dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	write_file(folder, "config", USER("token: home"), path);
	assert_int_equal(kube_config_find(NULL, NULL, &config, &error), 0);
	assert_string_equal(config->token, "home");
	kube_config_free(config);
	setenv("KUBECONFIG", "/nonexistent/config", 1);
	assert_int_equal(kube_config_find(NULL, NULL, &config, &error), -ENOENT);
	assert_int_equal(kube_config_find(path, NULL, &config, &error), 0);
	kube_config_free(config);
	unlink(path);
	rmdir(folder);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_of_a_context_are_taken),
		cmocka_unit_test(relative_paths_start_at_the_folder_of_the_file),
		cmocka_unit_test(data_comes_before_a_file),
		cmocka_unit_test(json_is_read_too),
		cmocka_unit_test(what_is_not_served_is_refused_by_name),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(the_first_of_several_files_counts),
		cmocka_unit_test(the_service_account_is_found_and_its_token_read_anew),
		cmocka_unit_test(it_is_looked_for_where_kubectl_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
