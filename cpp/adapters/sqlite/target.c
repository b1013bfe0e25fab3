/* 'model', 'model.output' or 'model.output[position]': names with dots of their own are found too, the longest model's name first. */
#include <stdlib.h>
#include <string.h>

#include "adapter.h"

static bool same_name(const char* name, const edgeonnx_port* port) { return strcmp(name, port->name) == 0; }

/** Whether the output's values are numbers, the only ones that can be read. */
static bool is_readable(const edgeonnx_port* port) { return port->type != EDGEONNX_TYPE_STRING && port->type != EDGEONNX_TYPE_UNDEFINED; }

/** Cuts '[3]' off and gives 3; -1 where there is none. */
static int64_t cut_position(char* output) {
  char* const bracket = strrchr(output, '[');
  if (!bracket || bracket == output) return -1;
  char* end = NULL;
  const long long position = strtoll(bracket + 1, &end, 10);
  if (end == bracket + 1 || strcmp(end, "]") != 0 || position < 0) return -1;
  *bracket = '\0';
  return position;
}

static edgeonnx_status refuse_output(const Target* target, const char* model, Failure* failure) {
  const int64_t n = edgeonnx_scorer_n_outputs(target->scorer);
  failure_set(failure, EDGEONNX_NOT_FOUND, "the model '%s' has no output '%s'; its outputs are", model, target->output);
  for (int64_t i = 0; i < n; ++i) {
    edgeonnx_port port;
    if (edgeonnx_scorer_output(target->scorer, i, &port) == EDGEONNX_OK) failure_add(failure, "%s '%s'", i ? "," : "", port.name);
  }
  return EDGEONNX_NOT_FOUND;
}

/** Whether the model has that output, by its exact name or by the one that differs in case alone, which becomes the target's. */
static bool find_output(Target* target) {
  edgeonnx_port port;
  const char* like = NULL;
  int n_like = 0;
  for (int64_t i = 0; edgeonnx_scorer_output(target->scorer, i, &port) == EDGEONNX_OK; ++i) {
    if (same_name(target->output, &port)) return true;
    if (sqlite3_stricmp(target->output, port.name) != 0) continue;
    like = port.name;
    ++n_like;
  }
  if (n_like == 1) memcpy(target->output, like, strlen(like)); /* as long as it */
  return n_like == 1;
}

/** 'model[1]' names no output. */
static edgeonnx_status refuse_position(edgeonnx_registry* models, const char* text, Failure* failure) {
  edgeonnx_scorer* scorer = NULL;
  edgeonnx_port port;
  char* const model = sqlite3_mprintf("%s", text);
  const int64_t position = model ? cut_position(model) : -1;
  if (position >= 0 && edgeonnx_registry_get(models, model, NULL, &scorer, NULL) == EDGEONNX_OK &&
      edgeonnx_scorer_output(scorer, 0, &port) == EDGEONNX_OK) {
    failure_set(failure, EDGEONNX_NOT_FOUND, "there is no model '%s'; of an output, one value is '%s.%s[%lld]'", text, model, port.name,
                (long long)position);
  }
  edgeonnx_scorer_release(scorer);
  sqlite3_free(model);
  return EDGEONNX_NOT_FOUND;
}

edgeonnx_status target_open(const char* text, Target* out, Failure* failure) {
  memset(out, 0, sizeof *out);
  out->position = -1;
  edgeonnx_registry* models = NULL;
  edgeonnx_status status = models_registry(&models, failure);
  if (status != EDGEONNX_OK) return status;
  if (!text) return failure_set(failure, EDGEONNX_INVALID_ARGUMENT, "the model's name is NULL");
  out->text = sqlite3_mprintf("%s", text);
  char* const model = sqlite3_mprintf("%s", text);
  status = out->text && model ? edgeonnx_registry_get(models, text, NULL, &out->scorer, failure_slot(failure))
                              : failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left");
  for (char* dot = status == EDGEONNX_NOT_FOUND ? strrchr(model, '.') : NULL; dot; dot = strrchr(model, '.')) {
    *dot = '\0';
    if (edgeonnx_registry_get(models, model, NULL, &out->scorer, NULL) != EDGEONNX_OK) continue;
    out->output = sqlite3_mprintf("%s", text + (dot - model) + 1);
    status = out->output ? EDGEONNX_OK : failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left");
    if (out->output && !find_output(out)) {
      out->position = cut_position(out->output);
      if (!find_output(out)) status = refuse_output(out, model, failure);
    }
    break;
  }
  sqlite3_free(model);
  if (status == EDGEONNX_NOT_FOUND && !out->scorer) status = refuse_position(models, text, failure);
  if (status != EDGEONNX_OK) target_close(out);
  return status;
}

void target_close(Target* target) {
  edgeonnx_scorer_release(target->scorer);
  sqlite3_free(target->output);
  sqlite3_free(target->text);
  memset(target, 0, sizeof *target);
}

edgeonnx_status target_results(const Target* target, edgeonnx_result** results, size_t* n_results, Failure* failure) {
  const int64_t n_outputs = edgeonnx_scorer_n_outputs(target->scorer);
  edgeonnx_result* const chosen = sqlite3_malloc64((size_t)(n_outputs + 1) * sizeof *chosen);
  if (!chosen) return failure_set(failure, EDGEONNX_OUT_OF_MEMORY, "no memory is left");
  size_t n = 0;
  for (int64_t i = 0; i < n_outputs; ++i) {
    edgeonnx_port port;
    if (edgeonnx_scorer_output(target->scorer, i, &port) != EDGEONNX_OK) continue;
    if (target->output ? !same_name(target->output, &port) : !is_readable(&port)) continue;
    const bool is_real = port.type == EDGEONNX_TYPE_FLOAT || port.type == EDGEONNX_TYPE_DOUBLE || port.type == EDGEONNX_TYPE_FLOAT16 ||
                         port.type == EDGEONNX_TYPE_BFLOAT16;
    memset(&chosen[n], 0, sizeof chosen[n]);
    chosen[n].output = port.name;
    chosen[n].type = is_real ? EDGEONNX_TYPE_DOUBLE : EDGEONNX_TYPE_INT64;
    ++n;
  }
  *results = chosen;
  *n_results = n;
  return EDGEONNX_OK;
}
