"""llama.cpp's C interface, which the package xllamacpp ships compiled for Linux and macOS.

xllamacpp's own server puts the tokens of several requests into one batch. Floats depend on the batch, so an answer
would depend on concurrent requests. Therefore infogap bypasses the server and calls the C interface, which xllamacpp's
extension module exports. The declarations are the parts of `llama.h` that infogap needs. Structs change between
releases, hence the exact version in `pyproject.toml` and the check of their layout here.
"""

from __future__ import annotations

import threading
from collections import deque
from functools import lru_cache
from typing import Any, NamedTuple

from infogap.errors import InputError

INSTALL = "pip install 'infogap[embedded]'"

# Both structs of settings end with spare room: a release that appends a field must not write past them.
_DECLARATIONS = """
typedef int32_t llama_token;
typedef struct {
    void *devices, *tensor_buft_overrides;
    int32_t n_gpu_layers;
    int split_mode, load_mode, lazy_mode;
    int32_t main_gpu;
    void *tensor_split, *progress_callback, *progress_callback_user_data, *kv_overrides;
    bool vocab_only, check_tensors, use_extra_bufts, no_host, no_alloc, load_mtp;
    char room[128];
} llama_model_params;
typedef struct {
    uint32_t n_ctx, n_batch, n_ubatch, n_seq_max, n_rs_seq, n_outputs_max, n_outputs_max_per_seq;
    int32_t n_threads, n_threads_batch;
    int ctx_type, rope_scaling_type, pooling_type, attention_type, flash_attn_type;
    float rope_freq_base, rope_freq_scale, yarn_ext_factor, yarn_attn_factor, yarn_beta_fast, yarn_beta_slow;
    uint32_t yarn_orig_ctx;
    float defrag_thold;
    void *cb_eval, *cb_eval_user_data;
    int type_k, type_v;
    size_t moe_cache_size;
    void *abort_callback, *abort_callback_data;
    bool embeddings, offload_kqv, no_perf, op_offload, swa_full, kv_unified;
    void *samplers;
    size_t n_samplers;
    void *ctx_other;
    char room[128];
} llama_context_params;
typedef struct {
    int32_t n_tokens;
    llama_token *token;
    float *embd;
    int32_t *pos, *n_seq_id, **seq_id;
    int8_t *logits;
} llama_batch;
typedef struct { bool no_perf; } llama_sampler_chain_params;

void llama_log_set(void (*)(int, const char *, void *), void *);
void llama_backend_init(void);

llama_model_params llama_model_default_params(void);
void *llama_model_load_from_file(const char *, llama_model_params);
void llama_model_free(void *);
const char *llama_model_chat_template(const void *, const char *);

llama_context_params llama_context_default_params(void);
void *llama_init_from_model(void *, llama_context_params);
void llama_free(void *);
int32_t llama_decode(void *, llama_batch);
float *llama_get_logits_ith(void *, int32_t);
void *llama_get_memory(const void *);
void llama_memory_clear(void *, bool);
bool llama_memory_seq_rm(void *, int32_t, int32_t, int32_t);

const void *llama_model_get_vocab(const void *);
int32_t llama_vocab_n_tokens(const void *);
llama_token llama_vocab_bos(const void *);
llama_token llama_vocab_eos(const void *);
bool llama_vocab_is_eog(const void *, llama_token);
const char *llama_vocab_get_text(const void *, llama_token);
int32_t llama_tokenize(const void *, const char *, int32_t, llama_token *, int32_t, bool, bool);
int32_t llama_token_to_piece(const void *, llama_token, char *, int32_t, int32_t, bool);

llama_sampler_chain_params llama_sampler_chain_default_params(void);
void *llama_sampler_chain_init(llama_sampler_chain_params);
void llama_sampler_chain_add(void *, void *);
void *llama_sampler_init_greedy(void);
void *llama_sampler_init_temp(float);
void *llama_sampler_init_min_p(float, size_t);
void *llama_sampler_init_top_k(int32_t);
void *llama_sampler_init_top_p(float, size_t);
void *llama_sampler_init_dist(uint32_t);
void *llama_sampler_init_grammar(const void *, const char *, const char *);
llama_token llama_sampler_sample(void *, void *, int32_t);
void llama_sampler_free(void *);
"""

# Defaults from both ends of the structs: a field added or removed in between shifts some of them.
_MODEL_DEFAULTS = {"n_gpu_layers": -1, "split_mode": 1, "vocab_only": False, "use_extra_bufts": True}
_CONTEXT_DEFAULTS = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "flash_attn_type": -1,
    "yarn_ext_factor": -1.0,
    "yarn_orig_ctx": 0,
    "type_k": 1,
    "type_v": 1,
    "embeddings": False,
    "offload_kqv": True,
    "op_offload": True,
    "swa_full": True,
    "n_samplers": 0,
}
_ERROR = 4  # GGML_LOG_LEVEL_ERROR
_LINES_KEPT = 4


class LlamaLibrary(NamedTuple):
    """The functions (`c`), the maker of C values for them (`ffi`), and the last errors that the library logged."""

    c: Any
    ffi: Any
    errors: deque[str]


_opening = threading.Lock()


def llama_library() -> LlamaLibrary:
    """Load the library, once per process. Its log is dropped, except errors, which are kept for messages.

    Raises InputError if xllamacpp is missing, does not export the interface (as on Windows), or is a release with
    another layout of the structs.
    """
    with _opening:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> LlamaLibrary:
    try:
        import cffi
        from xllamacpp import xllamacpp
    except ImportError as error:
        if error.name in ("cffi", "xllamacpp"):
            raise InputError(f"the embedded backend needs {error.name}; {INSTALL}") from None
        raise InputError(f"xllamacpp does not work here ({error}); reinstall it: {INSTALL}") from error
    ffi = cffi.FFI()
    ffi.cdef(_DECLARATIONS)
    errors: deque[str] = deque(maxlen=_LINES_KEPT)
    try:
        library = ffi.dlopen(xllamacpp.__file__)
        _check_layout(library, ffi)
    except (OSError, AttributeError) as error:
        raise InputError(
            f"xllamacpp exports no llama.cpp here ({error}); the embedded backend runs on Linux and macOS, "
            "elsewhere use `backend: openai` with a server"
        ) from error

    @ffi.callback("void(int, const char *, void *)")  # type: ignore[untyped-decorator]
    def log(level: int, text: Any, _data: Any) -> None:
        if level == _ERROR:
            errors.append(ffi.string(text).decode(errors="replace").strip())

    library.llama_log_set(log, ffi.NULL)
    library.llama_backend_init()
    _kept_alive.append(log)
    return LlamaLibrary(library, ffi, errors)


_kept_alive: list[Any] = []  # the library calls it for as long as the process lives


def _check_layout(library: Any, ffi: Any) -> None:
    for settings, defaults in (
        (library.llama_model_default_params(), _MODEL_DEFAULTS),
        (library.llama_context_default_params(), _CONTEXT_DEFAULTS),
    ):
        for name, expected in defaults.items():
            if getattr(settings, name) != expected:
                kind = ffi.typeof(settings).cname
                raise InputError(f"this release of xllamacpp lays out {kind} differently ({name}); {INSTALL}")
