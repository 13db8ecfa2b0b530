/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_SERVICE_OBJECT_H
#define KUBE_SERVICE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

struct json_object;

/*
 * Of Services and EndpointSlices what announcing needs: addresses, and where there are endpoints.
 * A cluster has tens of thousands of them, so each is one small piece of memory.
 */

#define SERVICE_ADDRESSES_MAX 64 /* of one Service that are kept */

enum service_address_kind {
	SERVICE_CLUSTER_IP = 0,
	SERVICE_EXTERNAL_IP,
	SERVICE_BALANCER_IP, /* status.loadBalancer.ingress[].ip */
};

struct service_address {
	struct ip_addr addr;
	uint32_t kind; /* enum service_address_kind */
};

struct service_object {
	size_t size;	  /* octets of the whole; equal objects are equal by memcmp() */
	uint8_t is_local; /* externalTrafficPolicy: Local */
	uint8_t has_more; /* addresses than are kept */
	uint16_t address_count;
	struct service_address address[];
};

/* An EndpointSlice of a Service: are there endpoints, of the family that it is of? */
struct slice_object {
	size_t size;
	uint8_t is_v6;
	uint8_t is_ready;      /* any endpoint */
	uint8_t is_ready_here; /* one on this node */
	char service[];	       /* NAMESPACE/NAME */
};

/**
 * service_object_read() - 0 with a new object in @ret (free()), or NULL there when no address of
 * the Service is anybody's to announce (headless, ExternalName); or -ENOMEM.
 */
int service_object_read(struct json_object *json, struct service_object **ret);
/** slice_object_read() - likewise; NULL there: it is of no Service, or of no IP addresses.
 * @node: this node's name, may be NULL. */
int slice_object_read(struct json_object *json, const char *node, struct slice_object **ret);

#endif /* KUBE_SERVICE_OBJECT_H */
