/* The C interface of edgeonnx: score ONNX models over columns of a table.
 *
 * C99. Every call returns an edgeonnx_status and, where the last argument is an edgeonnx_error, fills it; nothing is printed, no C++
 * exception leaves a call, and no state is kept per thread. Structs that a caller fills begin with `struct_size = sizeof(the struct)`
 * and grow only at their end, so that a caller built against an older header keeps working. All strings are UTF-8.
 *
 * The road: a scorer is made from model bytes, once. A binding ties a scorer to one layout of columns, once. A score call then reads
 * batches of that layout in place and writes the results into memory that the caller owns.
 *
 *     edgeonnx_scorer_create -> edgeonnx_binding_create -> edgeonnx_binding_score, as often as wanted -> ..._release
 *
 * Threads: one scorer and one binding may be used by any number of threads at once. Releasing an object while another thread uses it
 * is the caller's mistake. A binding keeps its scorer alive.
 * Fork: objects made before fork() may not be used in the child (EDGEONNX_INVALID_STATE); make new ones there.
 */
#ifndef EDGEONNX_EDGEONNX_H
#define EDGEONNX_EDGEONNX_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define EDGEONNX_EXPORT __declspec(dllexport)
#else
#define EDGEONNX_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this interface; a library answers edgeonnx_abi_version() with the newest one that it carries. */
#define EDGEONNX_ABI_VERSION 1

/* ---------------------------------------------------------------------------------------------------------------- status and error */

/** What became of a call. Numbers are never reused or changed; new ones are added at the end. */
typedef int32_t edgeonnx_status;
enum {
  EDGEONNX_OK = 0,
  EDGEONNX_INVALID_ARGUMENT = 1, /* null pointer, unknown enum value, negative size */
  EDGEONNX_INVALID_STATE = 2,    /* used after fork or release */
  EDGEONNX_NOT_FOUND = 3,        /* no such input, output, column */
  EDGEONNX_IO = 4,               /* file missing or unreadable */
  EDGEONNX_INVALID_MODEL = 5,    /* not ONNX, broken graph, opset newer than the runtime */
  EDGEONNX_TYPE_MISMATCH = 6,    /* a column's type is not accepted under this coercion */
  EDGEONNX_SHAPE_MISMATCH = 7,   /* rank, width or lengths differ */
  EDGEONNX_NULL_VALUE = 8,       /* NULL where the policy is `error` */
  EDGEONNX_OVERFLOW = 9,         /* a value does not fit its target type */
  EDGEONNX_UNSUPPORTED = 10,     /* operator, element type or provider */
  EDGEONNX_OUT_OF_MEMORY = 11,
  EDGEONNX_CANCELLED = 12,        /* cancel token, or the caller's interrupt check */
  EDGEONNX_INFERENCE_FAILED = 13, /* ONNX Runtime failed while it ran; its own text is kept */
  EDGEONNX_RUNTIME_MISSING = 14,  /* no usable ONNX Runtime library */
  EDGEONNX_INTERNAL = 15          /* a defect of edgeonnx */
};

/** Why a call failed, in memory of the caller. Set `message` and `message_capacity` before the call; the rest is written, on failure
 * only. A zeroed struct is valid and gets the numbers without the text. */
typedef struct edgeonnx_error {
  char* message;           /* in: buffer of message_capacity bytes, or NULL. out: text, zero-terminated, cut if it does not fit */
  size_t message_capacity; /* in: bytes */
  size_t message_length;   /* out: bytes of the whole text, without its terminator */
  const char* column;      /* out: column at fault, inside the buffer behind the text; "" if there is none or it did not fit */
  const char* value;       /* out: value at fault, likewise */
  int64_t row;             /* out: row at fault, counted over all batches of the call from edgeonnx_call.first_row; -1 if none */
  edgeonnx_status code;    /* out */
  int32_t sql_number;      /* out: T-SQL error number (220, 232, 8115 ...); 0 if there is none */
} edgeonnx_error;

/* --------------------------------------------------------------------------------------------------------------------------- types */

/** Element types, numbered as TensorProto.DataType in onnx.proto; numbers from 256 up are storage forms that only columns have. */
enum {
  EDGEONNX_TYPE_UNDEFINED = 0, /* of a column: a type that no input takes (a date, text ...) */
  EDGEONNX_TYPE_FLOAT = 1,     /* SQL real */
  EDGEONNX_TYPE_UINT8 = 2,     /* SQL tinyint */
  EDGEONNX_TYPE_INT8 = 3,
  EDGEONNX_TYPE_UINT16 = 4,
  EDGEONNX_TYPE_INT16 = 5, /* SQL smallint */
  EDGEONNX_TYPE_INT32 = 6, /* SQL int */
  EDGEONNX_TYPE_INT64 = 7, /* SQL bigint */
  EDGEONNX_TYPE_STRING = 8,
  EDGEONNX_TYPE_BOOL = 9, /* SQL bit, one byte a value */
  EDGEONNX_TYPE_FLOAT16 = 10,
  EDGEONNX_TYPE_DOUBLE = 11, /* SQL float */
  EDGEONNX_TYPE_UINT32 = 12,
  EDGEONNX_TYPE_UINT64 = 13,
  EDGEONNX_TYPE_BFLOAT16 = 16,
  EDGEONNX_TYPE_BIT = 256, /* SQL bit, one bit a value, lowest bit first (Arrow boolean) */
  /* SQL decimal(p, s): two's complement, lowest byte first, of 4, 8, 16 or 32 bytes; the value is it over 10^s (Arrow decimals). As a
     result only EDGEONNX_TYPE_DECIMAL128. */
  EDGEONNX_TYPE_DECIMAL32 = 257,
  EDGEONNX_TYPE_DECIMAL64 = 258,
  EDGEONNX_TYPE_DECIMAL128 = 259,
  EDGEONNX_TYPE_DECIMAL256 = 260,
  EDGEONNX_TYPE_MONEY = 261, /* SQL money: laid out as a DECIMAL128 of scale 4, but rounds into integers where a decimal is cut */
  EDGEONNX_TYPE_NULL = 262   /* every row is NULL, and of whatever type is wanted (Arrow null); the column's memory is not looked at */
};

/** How a column's type may become an input's, and an output's the declared one. */
enum {
  EDGEONNX_COERCION_TSQL = 0,  /* T-SQL assignment conversion: truncate toward zero, nearest, error when it does not fit */
  EDGEONNX_COERCION_SAFE = 1,  /* only pairs of types in which every value survives */
  EDGEONNX_COERCION_STRICT = 2 /* a column's type must equal the input's, as PREDICT demanded; results convert as in TSQL */
};

/** What a NULL in a column does. */
enum {
  EDGEONNX_NULLS_ERROR = 0,
  EDGEONNX_NULLS_NAN = 1,       /* NaN; only real, float and their short forms */
  EDGEONNX_NULLS_PROPAGATE = 2, /* the row's results are all NULL */
  EDGEONNX_NULLS_CONSTANT = 3
};

/** What a value that does not fit does. */
enum {
  EDGEONNX_ON_OVERFLOW_ERROR = 0,
  EDGEONNX_ON_OVERFLOW_NULL = 1 /* an input: as a NULL under the input's policy, where that is ERROR as under PROPAGATE; a result: NULL
                                   (TRY_CAST, ANSI_WARNINGS OFF) */
};

/** One input or output of a model, or one result of a binding. Strings and `shape` belong to the object that was asked. */
typedef struct edgeonnx_port {
  const char* name;
  const char* sql_type;  /* "real", "bigint" ...; "" where SQL has none */
  const char* onnx_type; /* "tensor(float)" ... */
  const int64_t* shape;  /* `rank` sizes, rows first; -1 where free */
  int64_t width;         /* values a row: 1 for [N] and [N, 1], k for [N, k]; -1 where free */
  int32_t rank;
  int32_t type;      /* EDGEONNX_TYPE_* */
  int32_t nullable;  /* results only: 1 if a NULL may come out, and so `mask` must be given */
  int16_t precision; /* decimals only: digits in all */
  int16_t scale;     /* decimals only: digits behind the point */
} edgeonnx_port;

/* -------------------------------------------------------------------------------------------------------------------------- scorer */

typedef struct edgeonnx_scorer edgeonnx_scorer;
typedef struct edgeonnx_binding edgeonnx_binding;
typedef struct edgeonnx_cancel edgeonnx_cancel;
typedef struct edgeonnx_report edgeonnx_report;

typedef struct edgeonnx_provider {
  const char* name;                 /* "CPUExecutionProvider", "CUDAExecutionProvider" ..., or short: "CUDA" */
  const char* const* option_keys;   /* n_options strings */
  const char* const* option_values; /* n_options strings */
  size_t n_options;
} edgeonnx_provider;

/** Whether nodes that no provider takes may run on the CPU. */
enum {
  EDGEONNX_FALLBACK_LISTED = 0, /* if "CPUExecutionProvider" is one of the providers */
  EDGEONNX_FALLBACK_CPU = 1,
  EDGEONNX_FALLBACK_ERROR = 2 /* EDGEONNX_UNSUPPORTED, with their names */
};

/** What runs a model. */
enum {
  EDGEONNX_NATIVE_AUTO = 0, /* native kernels where they cover the model, ONNX Runtime for the rest */
  EDGEONNX_NATIVE_OFF = 1   /* ONNX Runtime */
};

typedef struct edgeonnx_scorer_options {
  size_t struct_size;
  const char* ort_library;            /* path of libonnxruntime.so; NULL: EDGEONNX_ORT_LIBRARY, else the wheel of onnxruntime that is
                                         installed beside edgeonnx, else the loader's search path */
  const char* model_name;             /* what messages call the model, a path for instance; NULL: "model" */
  const char* external_data_folder;   /* where external tensors may lie; NULL: a model that has them is refused */
  const edgeonnx_provider* providers; /* in order of preference; none: CPU. One that cannot be used is an error. The options of CUDA,
                                         TensorRT and OpenVINO are checked before ONNX Runtime sees them, see edgeonnx_provider_info. A
                                         provider of a plugin has the option "library", the path of the plugin, and may have "device" */
  size_t n_providers;
  int64_t max_model_bytes; /* 0: 2 GiB, protobuf's own limit */
  int64_t morsel_rows;     /* rows scored at a time; 0: chosen from the model */
  int32_t n_threads;       /* threads of one score call; 0: what affinity and the cgroup quota allow */
  int32_t reserved;        /* not read: a gap at the end of older callers' struct */
  int32_t native;          /* EDGEONNX_NATIVE_* */
  int32_t skips_selfcheck; /* 1: the native kernels' answers are not compared with ONNX Runtime's, which is then not even opened for a
                              model that is native as a whole. 0: both score the same probe rows, and where they differ ONNX Runtime is
                              used and the plan in words says so */
  int32_t deterministic;   /* 1: no result depends on threads, morsel_rows, or the number and order of the rows of a call, but of models
                              that fix a batch of several rows; ONNX Runtime then runs a fixed small number of rows at a time, which is
                              slower where models are dense */
  void (*on_score)(void* data, edgeonnx_status status, const edgeonnx_report* report); /* or NULL. Called at the end of every score call
                              that was not refused for its arguments, by the thread that made it; the report lives as long as the call of
                              on_score and tells, after a failure, of the time alone. It must not throw, jump or block */
  void* on_score_data;
  int32_t fallback;  /* EDGEONNX_FALLBACK_* */
  int32_t reserved2; /* not read */
} edgeonnx_scorer_options;

/** Makes a scorer. The first one in a process that needs ONNX Runtime opens it.
 * @param model        serialized ModelProto; read during the call only
 * @param options      NULL for defaults
 * @param out          released with edgeonnx_scorer_release */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_scorer_create(const void* model, size_t n_bytes, const edgeonnx_scorer_options* options,
                                                       edgeonnx_scorer** out, edgeonnx_error* error);
/** Likewise of a file. `options->model_name` is the path where it is NULL. EDGEONNX_IO where the file can't be read. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_scorer_load(const char* path, const edgeonnx_scorer_options* options, edgeonnx_scorer** out,
                                                     edgeonnx_error* error);
EDGEONNX_EXPORT void edgeonnx_scorer_release(edgeonnx_scorer* scorer);

EDGEONNX_EXPORT int64_t edgeonnx_scorer_n_inputs(const edgeonnx_scorer* scorer);
EDGEONNX_EXPORT int64_t edgeonnx_scorer_n_outputs(const edgeonnx_scorer* scorer);
/** Ports in the model's order. A ZipMap shows one output per class, named <output>_<class>. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_scorer_input(const edgeonnx_scorer* scorer, int64_t index, edgeonnx_port* port);
EDGEONNX_EXPORT edgeonnx_status edgeonnx_scorer_output(const edgeonnx_scorer* scorer, int64_t index, edgeonnx_port* port);
/** The plan in words, one fact a line; belongs to the scorer. */
EDGEONNX_EXPORT const char* edgeonnx_scorer_explain(const edgeonnx_scorer* scorer);
/** The settings that the model was put into a registry with, "" if it was not; belongs to the scorer. */
EDGEONNX_EXPORT const char* edgeonnx_scorer_settings(const edgeonnx_scorer* scorer);
/** SHA-256 of the model's bytes, 64 hexadecimal digits, of a scorer that a registry gave, "" of others; belongs to the scorer. */
EDGEONNX_EXPORT const char* edgeonnx_scorer_digest(const edgeonnx_scorer* scorer);
/** Entries of the model's metadata_props, in the file's order; strings belong to the scorer. */
EDGEONNX_EXPORT int64_t edgeonnx_scorer_n_metadata(const edgeonnx_scorer* scorer);
EDGEONNX_EXPORT edgeonnx_status edgeonnx_scorer_metadata(const edgeonnx_scorer* scorer, int64_t index, const char** key,
                                                         const char** value);
/** What a user must know before the answers are used: nodes that this version of ONNX Runtime runs and is known to compute wrongly, and
 * which versions do not. One sentence each, "" where `index` is none; belongs to the scorer. They stand in edgeonnx_scorer_explain too. */
EDGEONNX_EXPORT int64_t edgeonnx_scorer_n_warnings(const edgeonnx_scorer* scorer);
EDGEONNX_EXPORT const char* edgeonnx_scorer_warning(const edgeonnx_scorer* scorer, int64_t index);
/** Version of ONNX Runtime, as "1.32.0", once it has been opened for this scorer, if only for the self-check; "" before. */
EDGEONNX_EXPORT const char* edgeonnx_scorer_runtime(const edgeonnx_scorer* scorer);

/* ----------------------------------------------------------------------------------------------------------------------- providers */

typedef struct edgeonnx_providers edgeonnx_providers;

/** One option of an execution provider. */
typedef struct edgeonnx_provider_option {
  const char* key;
  const char* type;          /* what its value may be: "true or false", "a whole number from 0", "FP32, FP16 or ACCURACY" ... */
  const char* default_value; /* ONNX Runtime's */
  const char* meaning;
  const void* reserved[2];
} edgeonnx_provider_option;

typedef struct edgeonnx_provider_info {
  const char* name;                        /* "CUDAExecutionProvider" */
  const char* reason;                      /* why it can't be used here, with the loader's own words; "" if it can */
  const edgeonnx_provider_option* options; /* those that are checked; of a provider without any, all are handed on as they are */
  size_t n_options;
  const void* reserved[4];
} edgeonnx_provider_info;

/** Finds out which execution providers work here: CPU, CUDA, TensorRT, OpenVINO, and all others that ONNX Runtime was built with, each by a
 * model of one node that it runs. Opens ONNX Runtime; the libraries of providers that load stay in the process.
 * @param ort_library  as in edgeonnx_scorer_options
 * @param tries        0: those that ONNX Runtime was built with are listed, and none is tried
 * @param out          released with edgeonnx_providers_release */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_providers_find(const char* ort_library, int32_t tries, edgeonnx_providers** out,
                                                        edgeonnx_error* error);
EDGEONNX_EXPORT int64_t edgeonnx_providers_count(const edgeonnx_providers* providers);
/** Strings and options belong to `providers`. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_providers_get(const edgeonnx_providers* providers, int64_t index, edgeonnx_provider_info* info);
EDGEONNX_EXPORT void edgeonnx_providers_release(edgeonnx_providers* providers);

/* -------------------------------------------------------------------------------------------------------------------------- device */

/** A whole input or output of a model that runs on a CUDA device, C-contiguous, of the type that the model has. */
typedef struct edgeonnx_device_tensor {
  const char* name;
  void* data;           /* on a boundary of 256 bytes on the device; of an output, it may lie on the host */
  const int64_t* shape; /* `rank` sizes, rows first; [N] will do for [N, 1] */
  void* ready;          /* of an input: a cudaEvent_t after which its values are there; NULL: they are there */
  int32_t rank;
  int32_t type;      /* EDGEONNX_TYPE_* */
  void* reserved[2]; /* NULL */
} edgeonnx_device_tensor;

typedef struct edgeonnx_device_call {
  size_t struct_size;
  const edgeonnx_device_tensor* inputs; /* all of the model's */
  size_t n_inputs;
  const edgeonnx_device_tensor* outputs; /* those that are wanted */
  size_t n_outputs;
  void* stream;                /* where has_stream is 1: a cudaStream_t. The run comes after what is enqueued there, and what is enqueued
                                  there later comes after the run */
  int32_t has_stream;          /* 0: the inputs are there */
  int32_t outputs_are_on_host; /* 1: all of them, and there when the call returns */
  int32_t device_id;           /* of the tensors, as CUDA counts devices */
  int32_t is_enqueued;         /* 1, with a stream: outputs on the device need not be there yet when the call returns */
} edgeonnx_device_call;

/** Scores tensors that lie on the device of the scorer's provider (CUDA, TensorRT), in one run: nothing is converted, no NULL is looked
 * for. EDGEONNX_UNSUPPORTED where the scorer runs on the CPU; EDGEONNX_INVALID_ARGUMENT lists all that is wrong with names, types, shapes
 * and addresses. on_score is not called. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_scorer_score_device(const edgeonnx_scorer* scorer, const edgeonnx_device_call* call,
                                                             edgeonnx_error* error);

/* ------------------------------------------------------------------------------------------------------------------------- binding */

/** The fixed part of a column: what it is called and what it holds. */
typedef struct edgeonnx_field {
  const char* name;
  const char* type_name; /* how messages call the type; NULL: from `type` */
  int64_t width;         /* values a row: 1 for a plain column, k for a fixed-size list or a row of a [N, k] array */
  int32_t type;          /* EDGEONNX_TYPE_* */
  int16_t precision;     /* decimals only: digits in all, 1 to 76 */
  int16_t scale;         /* decimals only: digits behind the point, -76 to 76 */
} edgeonnx_field;

typedef struct edgeonnx_null_rule {
  const char* input;        /* NULL: every input that has no rule of its own */
  double constant;          /* for EDGEONNX_NULLS_CONSTANT */
  int64_t constant_integer; /* used instead of `constant` where constant_is_integer is 1 */
  int32_t constant_is_integer;
  int32_t policy; /* EDGEONNX_NULLS_* */
} edgeonnx_null_rule;

typedef struct edgeonnx_rename {
  const char* column;
  const char* input;
} edgeonnx_rename;

/** The columns that make up one [N, k] input, in order. */
typedef struct edgeonnx_column_group {
  const char* input;
  const char* const* columns;
  size_t n_columns;
} edgeonnx_column_group;

/** The sizes of a row of one column, where it is more than values in a line: 3, 32, 32 for an array [N, 3, 32, 32]. They tell the sizes
 * that a model leaves free, and a column whose rows have another shape than the input's is refused; one without them is taken for a line
 * of values, which any shape of that many values takes. */
typedef struct edgeonnx_row_shape {
  size_t field;         /* index of the column */
  const int64_t* sizes; /* their product is the width of the column */
  size_t n_sizes;
} edgeonnx_row_shape;

/** One chosen output, and the type to deliver: the output's own where `type` is EDGEONNX_TYPE_UNDEFINED. */
typedef struct edgeonnx_result {
  const char* output;
  int32_t type;
  int16_t precision; /* decimals only: 1 to 38 */
  int16_t scale;     /* decimals only: 0 to precision */
  int32_t not_null;  /* 1: a NULL is an error */
} edgeonnx_result;

/** Fills everything of `result` but `output` from a type as PREDICT's WITH list spells it, in any case: bit, tinyint, smallint, int,
 * bigint, real, float[(n)], decimal[(p[, s])] and their synonyms, money, followed by NULL or NOT NULL or nothing; or an element type of
 * ONNX, as in tensor(uint16). */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_result_parse(const char* declaration, edgeonnx_result* result, edgeonnx_error* error);

typedef struct edgeonnx_binding_options {
  size_t struct_size;
  const edgeonnx_null_rule* null_rules; /* none: every NULL is an error */
  size_t n_null_rules;
  const edgeonnx_rename* renames;
  size_t n_renames;
  const edgeonnx_column_group* groups;
  size_t n_groups;
  const edgeonnx_result* results; /* PREDICT's WITH list; none: every output, in the model's order */
  size_t n_results;
  int32_t coercion;        /* EDGEONNX_COERCION_* */
  int32_t on_overflow;     /* EDGEONNX_ON_OVERFLOW_* */
  int32_t by_position;     /* 1: columns feed the inputs in order, names are only used in messages */
  int32_t counts_branches; /* 1: count rows in which rounding a float column to a tree ensemble's real input changes a branch */
  const edgeonnx_row_shape* row_shapes;
  size_t n_row_shapes;
} edgeonnx_binding_options;

/** Settings in words, for hosts where a user can only write text: "nulls=propagate, on_overflow=null, coercion=safe", each of them or none,
 * in any order and case. nulls is error, nan, propagate or a number; on_overflow error or null; coercion tsql, safe or strict.
 * @param text     NULL or "": defaults
 * @param options  coercion, on_overflow and null_rules are written, the rest is left alone
 * @param rule     room for the one rule that options->null_rules then points to */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_settings_parse(const char* text, edgeonnx_binding_options* options, edgeonnx_null_rule* rule,
                                                        edgeonnx_error* error);

/** Ties a scorer to a layout of columns. Binding is by name: exact first, then a unique match that ignores ASCII case. An [N, k]
 * input takes one column of width k of its own name, or a group, or, where the model has one input, all numeric columns in order.
 * Columns that no input needs are left alone. A size that the model leaves free is that of the columns; inputs that give it one name must
 * agree. Every mistake found is in the one message. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_binding_create(edgeonnx_scorer* scorer, const edgeonnx_field* fields, size_t n_fields,
                                                        const edgeonnx_binding_options* options, edgeonnx_binding** out,
                                                        edgeonnx_error* error);
EDGEONNX_EXPORT void edgeonnx_binding_release(edgeonnx_binding* binding);

EDGEONNX_EXPORT int64_t edgeonnx_binding_n_results(const edgeonnx_binding* binding);
/** What result `index` delivers: name, type, width (always known here), nullable. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_binding_result(const edgeonnx_binding* binding, int64_t index, edgeonnx_port* port);

/** One conversion that the binding makes. Strings belong to the binding. */
typedef struct edgeonnx_cast {
  const char* column; /* the column, or the output for a converted result */
  const char* from;
  const char* to;
  int32_t exact;    /* 1 if every value of `from` survives */
  const char* rule; /* as edgeonnx_conversion_rule tells it */
} edgeonnx_cast;
EDGEONNX_EXPORT int64_t edgeonnx_binding_n_casts(const edgeonnx_binding* binding);
EDGEONNX_EXPORT edgeonnx_status edgeonnx_binding_cast(const edgeonnx_binding* binding, int64_t index, edgeonnx_cast* cast);
/** Columns, casts and policies in words, one fact a line; belongs to the binding. */
EDGEONNX_EXPORT const char* edgeonnx_binding_explain(const edgeonnx_binding* binding);

/* --------------------------------------------------------------------------------------------------------------------------- score */

/** One column of one batch, borrowed for the length of the call. Nothing needs to be aligned. */
typedef struct edgeonnx_column {
  const void* data;              /* value 0 of row 0; for EDGEONNX_TYPE_BIT the byte that bit `offset` is counted from */
  int64_t stride;                /* bytes from a row to the next, negative and 0 included; unused for EDGEONNX_TYPE_BIT */
  const uint8_t* validity;       /* bitmap, lowest bit first, 1 = valid; NULL: no NULLs. Row r has bit `offset + r` */
  int64_t offset;                /* bits; see above */
  const uint8_t* value_validity; /* fixed-size lists: bitmap of the single values, or NULL. Value v of row r has bit
                                    `value_offset + r * width + v` */
  int64_t value_offset;
} edgeonnx_column;

/** Rows that lie together. `columns` has one entry per field of the binding, in that order; entries that the binding does not use
 * are not looked at. */
typedef struct edgeonnx_batch {
  const edgeonnx_column* columns;
  int64_t n_rows;
} edgeonnx_batch;

/** Where one result goes: memory for the rows of all batches together. It must not overlap the columns or another result. */
typedef struct edgeonnx_output {
  void* data;     /* value 0 of row 0 */
  int64_t stride; /* bytes from a row to the next */
  uint8_t* mask;  /* one byte a row, written 1 where the result is NULL and 0 elsewhere; may be NULL unless the result is nullable */
} edgeonnx_output;

typedef struct edgeonnx_call {
  size_t struct_size;
  edgeonnx_cancel* cancel; /* or NULL */
  int (*check)(void*);     /* or NULL. Asked now and then by the calling thread, never by another; non-zero stops the call */
  void* check_data;
  int64_t first_row;         /* what errors call row 0: the rows before this call, where it is one of a series */
  int64_t* n_changed;        /* NULL, or memory for one number per cast of the binding: values that it altered, written on success */
  const uint32_t* selection; /* NULL: all rows. Else n_selected row numbers of the one batch that the call then has: these rows are scored,
                                in this order, and no others are looked at. Row r of the results, and of errors, is then the r-th of them */
  int64_t n_selected;
  int64_t deadline_ns;       /* 0, or the time of CLOCK_MONOTONIC at which the call ends with EDGEONNX_CANCELLED if it is not done */
  int64_t max_scratch_bytes; /* 0, or what the call may take for working memory, ONNX Runtime's own not counted: fewer threads and shorter
                                morsels are used to stay below, and where those do not do, the call ends with EDGEONNX_OUT_OF_MEMORY */
  int32_t n_threads; /* 0: those of the scorer; else no more than these. 1: the calling thread alone, for callers that have threads of
                        their own; a cancel request is then heard between two morsels. -1: one thread too, but of the library where that
                        is needed for a request to be heard at any time */
} edgeonnx_call;

struct edgeonnx_report {
  size_t struct_size;
  int64_t n_rows;
  int64_t n_morsels;
  int64_t n_threads;        /* threads that scored at least one morsel */
  int64_t bytes_copied;     /* input bytes gathered or converted into scratch */
  int64_t bytes_borrowed;   /* input bytes that ONNX Runtime read where they lay */
  int64_t ns_total;         /* wall time of the call */
  int64_t ns_convert;       /* gather and conversion of inputs, summed over threads */
  int64_t ns_run;           /* inference, summed over threads */
  int64_t ns_write;         /* conversion of results, summed over threads */
  int64_t n_branch_changes; /* rows in which rounding changed a branch; -1 unless the binding counts them and the model has trees
                                whose features are its inputs, not what a scaler or a cast makes of them */
  int64_t n_columns_read;   /* values of a row of the inputs that the plan reads: all where ONNX Runtime takes them, else those that some
                               node of the model uses */
  int64_t n_columns_unread; /* the others: nobody looks at them, unless they stand in one column with values that must be converted */
};

/** Scores all rows of all batches. Row r of the results belongs to row r of the batches laid end to end.
 * On failure some result rows may have been written. An error at a row is the first one, whatever the number of threads.
 * @param outputs  one per result of the binding, in order
 * @param call     NULL for defaults
 * @param report   NULL, or filled on success */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_binding_score(const edgeonnx_binding* binding, const edgeonnx_batch* batches, size_t n_batches,
                                                       const edgeonnx_output* outputs, size_t n_outputs, const edgeonnx_call* call,
                                                       edgeonnx_report* report, edgeonnx_error* error);

/** Scores rows by different models: row r of the batch by bindings[binding_of_row[r]], or, where that is -1, not at all: its results are
 * NULL. The rows of a model are scored together, and every result stands at its row. All bindings have the batch's fields, and results of
 * the same number, types and widths.
 * @param outputs  one per result, as in edgeonnx_binding_score; masks are needed where a row has no model
 * @param call     `selection` and `n_changed` must be NULL
 * @param report   NULL, or the sum over all models, written on success */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_score_by_row(const edgeonnx_binding* const* bindings, size_t n_bindings,
                                                      const int32_t* binding_of_row, const edgeonnx_batch* batch,
                                                      const edgeonnx_output* outputs, size_t n_outputs, const edgeonnx_call* call,
                                                      edgeonnx_report* report, edgeonnx_error* error);

/** 1 where scoring that many rows takes a few microseconds and waits for nobody, so that a caller may keep a lock that others want; 0
 * where it may take longer, as it may whenever ONNX Runtime has a part in it. */
EDGEONNX_EXPORT int32_t edgeonnx_binding_is_brief(const edgeonnx_binding* binding, int64_t n_rows);

/** What the matrix of conversions says of two types; see "CAST and CONVERT (Transact-SQL)".
 * @param rule        "none", "same", "exact", "nearest", "truncate", "round" (half away from zero), "checked" or "nonzero"
 * @param sql_number  T-SQL's error number for a value that does not fit; 0: every value fits */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_conversion_rule(int32_t from, int32_t to, const char** rule, int32_t* sql_number,
                                                         edgeonnx_error* error);

typedef struct edgeonnx_cast_options {
  size_t struct_size;
  int32_t coercion;    /* EDGEONNX_COERCION_* */
  int32_t on_overflow; /* EDGEONNX_ON_OVERFLOW_* */
  int32_t n_threads;   /* 0: what affinity and the cgroup quota allow, where there is work for them */
} edgeonnx_cast_options;

/** Converts one column of one value a row by the rules of a score call. A NULL stays NULL.
 * @param to         `output` is not looked at
 * @param options    NULL for defaults
 * @param result     memory that does not overlap the column; `mask` must be given where the column may hold NULLs or overflows become NULL,
 * unless to->not_null
 * @param n_changed  NULL, or the number of values altered */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_column_cast(const edgeonnx_field* field, const edgeonnx_column* column, int64_t n_rows,
                                                     const edgeonnx_result* to, const edgeonnx_cast_options* options,
                                                     const edgeonnx_output* result, int64_t* n_changed, edgeonnx_error* error);

/** A token that stops score calls. edgeonnx_cancel_request may be called from any thread and from a signal handler; every call that
 * was given the token ends with EDGEONNX_CANCELLED until edgeonnx_cancel_reset, which is for a token that no running call has: a call
 * looks at it every few milliseconds only. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_cancel_create(edgeonnx_cancel** out, edgeonnx_error* error);
EDGEONNX_EXPORT void edgeonnx_cancel_release(edgeonnx_cancel* cancel);
EDGEONNX_EXPORT void edgeonnx_cancel_request(edgeonnx_cancel* cancel);
EDGEONNX_EXPORT void edgeonnx_cancel_reset(edgeonnx_cancel* cancel);

/* ------------------------------------------------------------------------------------------------------------------------ registry */

/* Models by name and version, for servers whose connections share them: equal bytes are loaded once, whatever their names, and models that
 * were not asked for longest make room for new ones. Any thread may make any call at any time. */

typedef struct edgeonnx_registry edgeonnx_registry;

typedef struct edgeonnx_registry_options {
  size_t struct_size;
  int64_t max_models;                     /* different models kept; 0: 256 */
  int64_t max_bytes;                      /* of their serialized forms, together; 0: 4 GiB. A larger one is refused */
  const edgeonnx_scorer_options* scoring; /* of every model, but for model_name; NULL for defaults. Read during the call only */
} edgeonnx_registry_options;

/** One entry. Strings belong to the registry and live as long as the visitor's call. */
typedef struct edgeonnx_model_info {
  const char* name;
  const char* version;
  const char* digest; /* SHA-256 of the model's bytes, 64 hexadecimal digits */
  const char* settings;
  int64_t n_bytes;
  int64_t n_uses; /* calls of edgeonnx_registry_get that it answered */
} edgeonnx_model_info;

/** @param out  released with edgeonnx_registry_release */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_registry_create(const edgeonnx_registry_options* options, edgeonnx_registry** out,
                                                         edgeonnx_error* error);
/** Scorers that were handed out live on. */
EDGEONNX_EXPORT void edgeonnx_registry_release(edgeonnx_registry* registry);
/** Loads a model under a name, and replaces what had it; calls that run go on with what they have. Several threads that bring the same
 * bytes wait for one of them to load.
 * @param version   NULL: ""
 * @param settings  how rows are to be scored with it, as in edgeonnx_settings_parse, or NULL; edgeonnx_scorer_settings gives it back */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_registry_put(edgeonnx_registry* registry, const char* name, const char* version, const void* model,
                                                      size_t n_bytes, const char* settings, edgeonnx_error* error);
/** Likewise of a file. EDGEONNX_IO where it can't be read. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_registry_load(edgeonnx_registry* registry, const char* name, const char* version, const char* path,
                                                       const char* settings, edgeonnx_error* error);
/** The scorer of that name: EDGEONNX_NOT_FOUND where there is none, or it had to make room.
 * @param version  NULL: the one put last
 * @param out      released with edgeonnx_scorer_release */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_registry_get(edgeonnx_registry* registry, const char* name, const char* version,
                                                      edgeonnx_scorer** out, edgeonnx_error* error);
/** @param version    NULL: all of that name
 *  @param n_dropped  NULL, or how many there were */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_registry_drop(edgeonnx_registry* registry, const char* name, const char* version,
                                                       int64_t* n_dropped, edgeonnx_error* error);
/** Shows every entry to `visit`, by name and then by age, until it returns other than 0. The visitor may make no calls to the registry. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_registry_list(edgeonnx_registry* registry,
                                                       int (*visit)(void* data, const edgeonnx_model_info* model), void* data,
                                                       edgeonnx_error* error);

/* --------------------------------------------------------------------------------------------------- Arrow C data interface, in, out */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
/* The two structs of the Arrow C data interface, as its specification gives them. */
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif

/** The fields of a struct-typed schema. `fields` has room for schema->n_children entries; strings point into the schema. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_arrow_fields(const struct ArrowSchema* schema, edgeonnx_field* fields, size_t n_fields,
                                                      edgeonnx_error* error);
/** The columns of a struct-typed array, borrowed from it: valid until the array is released. `columns` has schema->n_children
 * entries; those of a type that no input takes, and of NULLs alone, get data = NULL. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_arrow_columns(const struct ArrowSchema* schema, const struct ArrowArray* array,
                                                       edgeonnx_column* columns, size_t n_columns, int64_t* n_rows, edgeonnx_error* error);
/** Describes columns as Arrow data without copying the values: fills `schema` and `array`, which the consumer releases in the usual
 * way. Values must be contiguous (stride == width * size of the type). Bits for `masks[i]` (one byte a row, 1 = NULL; or NULL) are
 * packed into memory of the array. Bytes of EDGEONNX_TYPE_BOOL are packed too. Names are copied.
 * @param release  called once, with `owner`, when the array is released or when the call fails */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_arrow_export(const edgeonnx_field* fields, const edgeonnx_column* columns,
                                                      const uint8_t* const* masks, size_t n_columns, int64_t n_rows,
                                                      void (*release)(void* owner), void* owner, struct ArrowSchema* schema,
                                                      struct ArrowArray* array, edgeonnx_error* error);

/* ------------------------------------------------------------------------------------------------------------------------- library */

EDGEONNX_EXPORT int32_t edgeonnx_abi_version(void);
/** "0.1.0" ... */
EDGEONNX_EXPORT const char* edgeonnx_version(void);
/** Name of a status, "INVALID_MODEL" for instance; "UNKNOWN" for a number that this library does not know. */
EDGEONNX_EXPORT const char* edgeonnx_status_name(edgeonnx_status status);
/** Objects made and not yet released in this process: scorers, bindings, cancel tokens, registries, exported arrays. */
EDGEONNX_EXPORT int64_t edgeonnx_live_objects(void);
/** Instructions that the vector code uses here: "scalar", "avx2" or "avx512", the best of the processor unless EDGEONNX_CPU caps it. */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_cpu(const char** name, edgeonnx_error* error);
/** Threads that a score call gets by default: affinity and cgroup quota, or EDGEONNX_THREADS; 0 where that is no positive number, with
 * which no scorer can be made. */
EDGEONNX_EXPORT int32_t edgeonnx_default_threads(void);
/** Opens ONNX Runtime if need be and tells its path and version; strings live as long as the process.
 * @param ort_library  as in edgeonnx_scorer_options */
EDGEONNX_EXPORT edgeonnx_status edgeonnx_runtime_open(const char* ort_library, const char** path, const char** version,
                                                      edgeonnx_error* error);

#ifdef __cplusplus
}
#endif
#endif
