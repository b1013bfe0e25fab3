/* The entry point: registers all functions. */
#include "adapter.h"

/* Declares what adapter.h calls extern. */
DUCKDB_EXTENSION_ENTRYPOINT(duckdb_connection connection, duckdb_extension_info info, struct duckdb_extension_access* access) {
  (void)info;
  (void)access;
  casts_register(connection);
  models_register(connection);
  predict_register(connection);
  sql_register(connection);
  tables_register(connection);
  return true;
}

duckdb_scalar_function scalar_make(const char* name, const duckdb_type* types, idx_t n_types, duckdb_logical_type returns, bool has_effects,
                                   duckdb_scalar_function_t function) {
  duckdb_scalar_function made = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(made, name);
  for (idx_t i = 0; i < n_types; ++i) {
    duckdb_logical_type type = duckdb_create_logical_type(types[i]);
    duckdb_scalar_function_add_parameter(made, type);
    duckdb_destroy_logical_type(&type);
  }
  duckdb_scalar_function_set_return_type(made, returns);
  duckdb_destroy_logical_type(&returns);
  duckdb_scalar_function_set_special_handling(made); /* a NULL is ours to judge */
  if (has_effects) duckdb_scalar_function_set_volatile(made);
  duckdb_scalar_function_set_function(made, function);
  return made;
}

void scalar_register(duckdb_connection connection, duckdb_scalar_function made) {
  duckdb_register_scalar_function(connection, made);
  duckdb_destroy_scalar_function(&made);
}
