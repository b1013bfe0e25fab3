# Folder edgeonnx/build_facts of a wheel: what was compiled into it. sbom.py makes the bill of materials from it and takes it away.
set(sqlite_version "")
if(TARGET edgeonnx_sqlite)
  file(STRINGS "${SQLITE3_EXTENSION_INCLUDE}/sqlite3.h" sqlite_line REGEX "^#define SQLITE_VERSION ")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" sqlite_version "${sqlite_line}")
endif()
set(duckdb_version "")
if(TARGET edgeonnx_duckdb AND EXISTS "${EDGEONNX_DUCKDB_HEADERS}/version")
  file(READ "${EDGEONNX_DUCKDB_HEADERS}/version" duckdb_version)
endif()
# pybind11's licence goes with what is compiled from its headers.
file(GLOB pybind11_licence "${pybind11_DIR}/../../../../pybind11-${pybind11_VERSION}.dist-info/licenses/LICENSE")
if(NOT pybind11_licence)
  message(FATAL_ERROR "pybind11's licence is not beside ${pybind11_DIR}: build with the pybind11 that pip fetches, or without EDGEONNX_FACTS")
endif()
install(FILES "${pybind11_licence}" DESTINATION edgeonnx/build_facts RENAME pybind11.txt)
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/build_facts.json" "{\"compiler\": \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\", \
\"pybind11\": \"${pybind11_VERSION}\", \"duckdb\": \"${duckdb_version}\", \"sqlite\": \"${sqlite_version}\"}\n")
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/build_facts.json" DESTINATION edgeonnx/build_facts)
