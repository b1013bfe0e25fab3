# find_package(edgeonnx) for those who embed it: the target edgeonnx::edgeonnx. Folders are told from where this file lies.
get_filename_component(_edgeonnx_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET edgeonnx::edgeonnx)
  add_library(edgeonnx::edgeonnx SHARED IMPORTED)
  set_target_properties(edgeonnx::edgeonnx PROPERTIES
                        IMPORTED_LOCATION "${_edgeonnx_prefix}/lib/libedgeonnx.so"
                        IMPORTED_SONAME "libedgeonnx.so"
                        INTERFACE_INCLUDE_DIRECTORIES "${_edgeonnx_prefix}/include")
endif()
unset(_edgeonnx_prefix)
