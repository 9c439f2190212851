"""Writes model files small enough for tests of what goes wrong. Standard library only."""
import random
import struct

WIDTH, FEED_FORWARD, LAYERS, HEADS, KV_HEADS, HEAD = 32, 48, 2, 4, 2, 8


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value):
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if all(isinstance(item, str) for item in value):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_string, value))
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)


def keys(context=64, architecture="llama"):
    """Of a model whose tokens 0..31 are letters and signs, without a stop token."""
    prefix = architecture + "."
    return {
        "general.architecture": architecture,
        prefix + "block_count": LAYERS,
        prefix + "context_length": context,
        prefix + "embedding_length": WIDTH,
        prefix + "feed_forward_length": FEED_FORWARD,
        prefix + "attention.head_count": HEADS,
        prefix + "attention.head_count_kv": KV_HEADS,
        prefix + "attention.layer_norm_rms_epsilon": 1e-5,
        prefix + "rope.freq_base": 10000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [chr(97 + i) for i in range(26)] + list("!?.,:;"),
        "tokenizer.ggml.token_type": [1] * 32,
        "tokenizer.ggml.merges": [],
    }


def _tensors():
    yield "token_embd.weight", (WIDTH, 32)
    for i in range(LAYERS):
        yield f"blk.{i}.attn_norm.weight", (WIDTH,)
        yield f"blk.{i}.attn_q.weight", (WIDTH, HEADS * HEAD)
        yield f"blk.{i}.attn_k.weight", (WIDTH, KV_HEADS * HEAD)
        yield f"blk.{i}.attn_v.weight", (WIDTH, KV_HEADS * HEAD)
        yield f"blk.{i}.attn_output.weight", (HEADS * HEAD, WIDTH)
        yield f"blk.{i}.ffn_norm.weight", (WIDTH,)
        yield f"blk.{i}.ffn_gate.weight", (WIDTH, FEED_FORWARD)
        yield f"blk.{i}.ffn_up.weight", (WIDTH, FEED_FORWARD)
        yield f"blk.{i}.ffn_down.weight", (FEED_FORWARD, WIDTH)
    yield "output_norm.weight", (WIDTH,)


def write(path, entries=None):
    """A file with these keys and seeded float32 weights."""
    entries = keys() if entries is None else entries
    draw = random.Random(1)
    head = b"".join(_string(key) + _value(value) for key, value in entries.items())
    infos, data = b"", b""
    tensors = list(_tensors())
    for name, shape in tensors:
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        infos += _string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        infos += struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{count}f", *(draw.gauss(0, 0.2) for _ in range(count)))
        data += b"\0" * (-len(data) % 32)
    start = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(entries)) + head + infos
    path.write_bytes(start + b"\0" * (-len(start) % 32) + data)
    return path
