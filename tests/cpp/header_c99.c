/* The public header as a C99 program sees it, warnings being errors: it compiles, its structs can be filled, its calls can be made. */
#include <stdio.h>
#include <string.h>

#include "edgeonnx/edgeonnx.h"

static int stop_never(void* data) {
  (void)data;
  return 0;
}

int main(void) {
  char text[64];
  edgeonnx_error error = {0};
  edgeonnx_scorer_options options = {0};
  edgeonnx_binding_options binding_options = {0};
  edgeonnx_call call = {0};
  edgeonnx_report report = {0};
  edgeonnx_scorer* scorer = NULL;
  struct ArrowSchema schema;
  edgeonnx_status status;

  error.message = text;
  error.message_capacity = sizeof text;
  options.struct_size = sizeof options;
  binding_options.struct_size = sizeof binding_options;
  call.struct_size = sizeof call;
  call.check = stop_never;
  report.struct_size = sizeof report;
  memset(&schema, 0, sizeof schema);

  status = edgeonnx_scorer_create(NULL, 1, &options, &scorer, &error);
  if (status != EDGEONNX_INVALID_ARGUMENT || error.code != status || scorer != NULL || text[0] == '\0') return 1;
  if (edgeonnx_binding_create(scorer, NULL, 0, &binding_options, NULL, NULL) != EDGEONNX_INVALID_ARGUMENT) return 1;
  if (edgeonnx_binding_score(NULL, NULL, 0, NULL, 0, &call, &report, NULL) != EDGEONNX_INVALID_ARGUMENT) return 1;
  if (edgeonnx_arrow_fields(&schema, NULL, 0, NULL) != EDGEONNX_INVALID_ARGUMENT) return 1;
  if (strcmp(edgeonnx_status_name(status), "INVALID_ARGUMENT") != 0) return 1;
  if (edgeonnx_abi_version() < EDGEONNX_ABI_VERSION || edgeonnx_live_objects() != 0) return 1;
  printf("edgeonnx %s\n", edgeonnx_version());
  return 0;
}
