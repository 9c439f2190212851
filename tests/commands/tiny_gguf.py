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


def _tensors(layers=LAYERS, width=WIDTH, heads=HEADS, kv_heads=KV_HEADS, head=HEAD, feed_forward=FEED_FORWARD):
    yield "token_embd.weight", (width, 32)
    for i in range(layers):
        yield f"blk.{i}.attn_norm.weight", (width,)
        yield f"blk.{i}.attn_q.weight", (width, heads * head)
        yield f"blk.{i}.attn_k.weight", (width, kv_heads * head)
        yield f"blk.{i}.attn_v.weight", (width, kv_heads * head)
        yield f"blk.{i}.attn_output.weight", (heads * head, width)
        yield f"blk.{i}.ffn_norm.weight", (width,)
        yield f"blk.{i}.ffn_gate.weight", (width, feed_forward)
        yield f"blk.{i}.ffn_up.weight", (width, feed_forward)
        yield f"blk.{i}.ffn_down.weight", (feed_forward, width)
    yield "output_norm.weight", (width,)


def _count(shape):
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def _front(entries, tensors):
    """All of a file before its weights."""
    head = b"".join(_string(key) + _value(value) for key, value in entries.items())
    infos, offset = b"", 0
    for name, shape in tensors:
        infos += _string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        infos += struct.pack("<IQ", 0, offset)
        offset += (4 * _count(shape) + 31) // 32 * 32
    start = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(entries)) + head + infos
    return start + b"\0" * (-len(start) % 32), offset


def write(path, entries=None, part=(0, 1)):
    """A file with these keys and seeded float32 weights; or one part of several, each with some of the tensors."""
    entries = keys() if entries is None else entries
    draw = random.Random(1)
    tensors = list(_tensors())[part[0]::part[1]]
    data = b""
    for _, shape in tensors:
        data += struct.pack(f"<{_count(shape)}f", *(draw.gauss(0, 0.2) for _ in range(_count(shape))))
        data += b"\0" * (-len(data) % 32)
    path.write_bytes(_front(entries, tensors)[0] + data)
    return path


def write_holes(path, layers, width, feed_forward):
    """A file of any size that takes no disk: its float32 weights are zeros. Returns its size."""
    entries = keys()
    heads = width // 64
    entries.update({"llama.block_count": layers, "llama.embedding_length": width, "llama.attention.head_count": heads,
                    "llama.feed_forward_length": feed_forward, "llama.attention.head_count_kv": heads})
    front, bytes_of_weights = _front(entries, list(_tensors(layers, width, heads, heads, 64, feed_forward)))
    with open(path, "wb") as file:
        file.write(front)
        file.truncate(len(front) + bytes_of_weights)
    return len(front) + bytes_of_weights
