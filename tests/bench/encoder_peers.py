"""The CPU runtimes that encoder_bench runs beside us, each with the same weights: onnxruntime,
OpenVINO and CTranslate2. Every peer gets token ids, padded where it needs that, and is not charged
for tokenizing, padding or pooling."""

import pathlib
import tempfile

import numpy as np


def padded(sequences):
    longest = max(map(len, sequences))
    ids = np.zeros((len(sequences), longest), np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


class OnnxRuntime:
    name = "onnxruntime"
    precisions = ("f32", "int8")

    def __init__(self, onnx_path, _model, precision, threads, _calibration):
        import onnxruntime

        if precision == "int8":
            from onnxruntime.quantization import quantize_dynamic

            self.folder = tempfile.TemporaryDirectory()
            quantized = pathlib.Path(self.folder.name) / "int8.onnx"
            quantize_dynamic(onnx_path, quantized)
            onnx_path = quantized
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(onnx_path), options, providers=["CPUExecutionProvider"]
        )

    prepare = staticmethod(padded)

    def run(self, feed):
        return self.session.run(None, feed)[0]


class OpenVino:
    name = "OpenVINO"
    precisions = ("f32", "bf16", "int8")

    def __init__(self, onnx_path, _model, precision, threads, calibration):
        import openvino

        core = openvino.Core()
        model = core.read_model(onnx_path)
        if precision == "int8":
            import logging

            import nncf

            logging.getLogger("nncf").setLevel(logging.ERROR)
            model = nncf.quantize(
                model,
                nncf.Dataset([padded([ids]) for ids in calibration]),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(calibration),
            )
        self.model = core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            },
        )
        self.request = self.model.create_infer_request()

    prepare = staticmethod(padded)

    def run(self, feed):
        return self.request.infer(feed, share_inputs=True, share_outputs=True)[0]


class CTranslate2:
    name = "CTranslate2"
    precisions = ("f32", "int8")

    def __init__(self, _onnx_path, model, precision, threads, _calibration):
        import ctranslate2

        self.folder = tempfile.TemporaryDirectory()
        target = pathlib.Path(self.folder.name) / "model"
        self._convert(model, target)
        self.encoder = ctranslate2.Encoder(
            str(target),
            device="cpu",
            compute_type="int8" if precision == "int8" else "float32",
            inter_threads=1,
            intra_threads=threads,
        )

    @staticmethod
    def _convert(model, target):
        """What its own converter does, without torch and transformers."""
        import json

        from ctranslate2.converters import utils
        from ctranslate2.specs import common_spec, transformer_spec
        from safetensors.numpy import load_file

        config = json.loads((model / "config.json").read_text())
        tensors = load_file(model / "model.safetensors")
        encoder = transformer_spec.TransformerEncoderSpec(
            config["num_hidden_layers"],
            config["num_attention_heads"],
            pre_norm=False,
            activation=common_spec.Activation.GELU,
            layernorm_embedding=True,
            num_source_embeddings=2,
            embeddings_merge=common_spec.EmbeddingsMerge.ADD,
        )
        spec = transformer_spec.TransformerEncoderModelSpec(encoder)
        encoder.scale_embeddings = False

        def linear(to, name):
            to.weight, to.bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]

        def norm(to, name):
            to.gamma, to.beta = tensors[f"{name}.weight"], tensors[f"{name}.bias"]

        encoder.embeddings[0].weight = tensors["embeddings.word_embeddings.weight"]
        encoder.embeddings[1].weight = tensors["embeddings.token_type_embeddings.weight"]
        encoder.position_encodings.encodings = tensors["embeddings.position_embeddings.weight"]
        norm(encoder.layernorm_embedding, "embeddings.LayerNorm")
        for number, layer in enumerate(encoder.layer):
            base = f"encoder.layer.{number}"
            parts = [common_spec.LinearSpec() for _ in range(3)]
            for part, which in zip(parts, ("query", "key", "value")):
                linear(part, f"{base}.attention.self.{which}")
            utils.fuse_linear(layer.self_attention.linear[0], parts)
            linear(layer.self_attention.linear[1], f"{base}.attention.output.dense")
            norm(layer.self_attention.layer_norm, f"{base}.attention.output.LayerNorm")
            linear(layer.ffn.linear_0, f"{base}.intermediate.dense")
            linear(layer.ffn.linear_1, f"{base}.output.dense")
            norm(layer.ffn.layer_norm, f"{base}.output.LayerNorm")
        spec.register_vocabulary((model / "vocab.txt").read_text(encoding="utf-8").splitlines())
        spec.config.layer_norm_epsilon = config["layer_norm_eps"]
        spec.config.unk_token = "[UNK]"
        spec.validate()
        target.mkdir()
        spec.save(str(target))

    @staticmethod
    def prepare(sequences):
        return [list(map(int, ids)) for ids in sequences]

    def run(self, feed):
        return np.array(self.encoder.forward_batch(feed).last_hidden_state)


PEERS = (OnnxRuntime, OpenVino, CTranslate2)
