/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_KUBE_CONFIG_H
#define LIB_KUBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where the Kubernetes API server is and who we are there: from a kubeconfig, or from the service
 * account of a pod. Texts are owned by struct kube_config; NULL: not given. Of a pair *_file and
 * *_data at most one is set; data has been decoded (PEM).
 */

#define KUBE_CONFIG_BYTES_MAX 1048576 /* of one kubeconfig */
#define KUBE_CONFIG_FILES_MAX 16      /* in the variable KUBECONFIG */
#define KUBE_TOKEN_MAX	      65535   /* octets of a bearer token */

/* The service account as the kubelet mounts it. */
#define KUBE_SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

struct kube_blob {
	char *data; /* NULL: none; with a NUL behind it */
	size_t len;
};

struct kube_config {
	char *source; /* for people: the kubeconfig's path, or "in-cluster" */
	char *server; /* "https://HOST[:PORT][/PATH]" without a slash at the end; also http:// */
	char *tls_server_name;
	char *proxy_url;
	bool is_insecure; /* insecure-skip-tls-verify */
	char *ca_file, *cert_file, *key_file, *token_file;
	struct kube_blob ca, cert, key;
	char *token;
	char *context;	      /* name, NULL in a cluster */
	char *namespace_name; /* default "default" */
};

struct kube_config_error {
	char text[512]; /* file, entry, cause, mend; one line, never a secret */
};

/**
 * kube_config_load() - read the kubeconfig @path, or several with ':' between them as in the
 * variable KUBECONFIG: of entries with one name the first counts, files that do not exist are
 * passed over when there are several. @context NULL: current-context. 0 and *ret (free with
 * kube_config_free()), or -errno with @ret_error filled: -ENOENT when no file exists, -EINVAL for
 * content, -ENOTSUP for what we do not serve (exec, auth-provider, ...).
 */
int kube_config_load(const char *path, const char *context, struct kube_config **ret,
		     struct kube_config_error *ret_error);
/** kube_config_parse() - the same from @len octets, in their current-context; @path is for messages
 * and relative paths. Pure. */
int kube_config_parse(const char *data, size_t len, const char *path, struct kube_config **ret,
		      struct kube_config_error *ret_error);
/**
 * kube_config_in_cluster() - from KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT and the folder
 * @dir. 0 or -errno with @ret_error filled: -ENOENT when we are in no cluster.
 */
int kube_config_in_cluster(const char *dir, struct kube_config **ret,
			   struct kube_config_error *ret_error);
/**
 * kube_config_find() - as kubectl does: @path when given, else the variable KUBECONFIG, else
 * ~/.kube/config, else the service account of the pod we run in. -ENOENT: there is none of them.
 */
int kube_config_find(const char *path, const char *context, struct kube_config **ret,
		     struct kube_config_error *ret_error);
void kube_config_free(struct kube_config *config); /* NULL is fine; secrets are wiped */

/**
 * kube_config_token() - the bearer token to use now: read anew from the token file, since it is
 * rotated. 0 and *ret_token (free it; NULL: there is none), or -errno with @ret_error filled.
 */
int kube_config_token(const struct kube_config *config, char **ret_token,
		      struct kube_config_error *ret_error);

#endif /* LIB_KUBE_CONFIG_H */
