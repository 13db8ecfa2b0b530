/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c: `tortie version`.
 *
 * Four versions: of this program, of the agent that answers, of the map layout that its programs
 * use (DATAPLANE_ABI_VERSION), of the kernel that runs them. Without an agent the first is still
 * told, and the exit status is 1.
 */
#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"

static void version_print(struct json_object *document)
{
	printf("Client:      tortie %s\n", document_get_words(document, "client"));
	if (document_get_words(document, "agent")[0] == '\0')
		return;
	printf("Agent:       tortied %s\n", document_get_words(document, "agent"));
	printf("Data plane:  ABI %llu\n",
	       (unsigned long long)document_get_number(document, "data_plane_abi"));
	printf("Kernel:      %s\n", document_get_words(document, "kernel"));
	printf("Node:        %s\n", document_get_words(document, "node"));
}

int version_run(const struct command_line *line)
{
	struct json_object *document = document_new_map();
	struct request request;
	int err;

	document_set_words(document, "client", TORTIE_VERSION);
	err = request_open(&request, line->run_dir, REQUEST_TIMEOUT_MS);
	if (err == 0) {
		const struct msg_hello_reply *hello = &request.hello;

		document_set_text(document, "agent", hello->program_version,
				  sizeof(hello->program_version));
		document_set_number(document, "data_plane_abi", hello->abi_version);
		document_set_text(document, "kernel", hello->kernel_release,
				  sizeof(hello->kernel_release));
		document_set_text(document, "node", hello->node_name, sizeof(hello->node_name));
		request_close(&request);
	}
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML)
		output_document(stdout, line->format, document);
	else
		version_print(document);
	json_object_put(document);
	if (err < 0)
		request_say_error(line->run_dir, err);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
