# SPDX-License-Identifier: MIT
"""The results of the reference operators that the onnx package ships, run on float64, from numbers of the case's
dtype."""
import functools

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import dtypes

NAME = f"ONNX {onnx.__version__}"

# (test, reason): what the operators do not express.
NOT_APPLICABLE = [
    (lambda case: any(direction == "backward" for direction, _ in case.steps), "ONNX has no gradient operators"),
    (lambda case: case.moves_channels, "the operator knows channels first only"),
    (lambda case: case.norm in ("batch", "group") and len(case.shape) < 2, "rank 1: there is no channel dimension"),
    (lambda case: case.norm == "instance" and len(case.shape) < 3, "rank below 3: there is no space"),
    (lambda case: case.norm == "rms" and "bias" in case.affine, "RMSNormalization has no bias, neither has vknorm's"),
    (lambda case: case.norm == "instance" and case.running != "none",
     "InstanceNormalization has no running statistics"),
    (lambda case: case.norm == "batch" and case.running == "none" and case.steps[0][1] == "eval",
     "BatchNormalization evaluates with given statistics only"),
    (lambda case: 0 in case.shape, "the reference operators do not take a tensor without elements"),
]
OPSETS = {"BatchNormalization": 15, "InstanceNormalization": 22, "GroupNormalization": 21, "LayerNormalization": 17,
          "RMSNormalization": 23, "Add": 14, "Mul": 14, "Relu": 14, "Sigmoid": 13, "Cast": 19}
CASTS = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16, "BF16": TensorProto.BFLOAT16}


def not_applicable(case):
    return next((reason for test, reason in NOT_APPLICABLE if test(case)), None)


@functools.lru_cache(maxsize=None)
def evaluator(operator, inputs, outputs, attributes):
    node = helper.make_node(operator, [f"i{k}" for k in range(inputs)], [f"o{k}" for k in range(outputs)],
                            **dict(attributes))
    values = [[helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names]
              for names in (node.input, node.output)]
    graph = helper.make_graph([node], operator, *values)
    return ReferenceEvaluator(helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSETS[operator])]))


def run_operator(operator, inputs, outputs, **attributes):
    session = evaluator(operator, len(inputs), outputs, tuple(sorted(attributes.items())))
    return session.run(None, {f"i{k}": np.asarray(array) for k, array in enumerate(inputs)})


def batch(case, tensors, x, weight, bias):
    shape = case.feature_shape
    mean, var = (np.asarray(tensors.get(name, fill), np.float64) for name, fill in
                 (("running_mean", np.zeros(shape)), ("running_var", np.ones(shape))))
    kept = 1.0 - case.momentum  # ONNX weights what was there
    if case.steps[0][1] == "eval":
        return {"y": run_operator("BatchNormalization", [x, weight, bias, mean, var], 1, epsilon=case.eps,
                                  momentum=kept, training_mode=0)[0]}
    y, new_mean, new_var = run_operator("BatchNormalization", [x, weight, bias, mean, var], 3, epsilon=case.eps,
                                        momentum=kept, training_mode=1)
    if case.running == "none":
        return {"y": y}
    if not case.biased_running_var:
        count = x.size // shape[0]
        biased = (new_var - kept * var) / (1.0 - kept)
        new_var = kept * var + (1.0 - kept) * biased * count / (count - 1)
    return {"y": y, "running_mean": new_mean, "running_var": new_var}


def norm(case, tensors, x, weight, bias):
    """The outputs that the operator has."""
    if case.norm == "batch":
        return batch(case, tensors, x, weight, bias)
    if case.norm == "instance":
        return {"y": run_operator("InstanceNormalization", [x, weight, bias], 1, epsilon=case.eps)[0]}
    if case.norm == "group":
        return {"y": run_operator("GroupNormalization", [x, weight, bias], 1, epsilon=case.eps,
                                  num_groups=case.groups, stash_type=TensorProto.DOUBLE)[0]}
    axis = -case.normalized_rank
    if case.norm == "rms":
        return {"y": run_operator("RMSNormalization", [x, weight], 1, epsilon=case.eps, axis=axis)[0]}
    y, mean, rstd = run_operator("LayerNormalization", [x, weight, bias], 3, epsilon=case.eps, axis=axis)
    lead = case.shape[:axis]
    return {"y": y, "mean": mean.reshape(lead), "rstd": rstd.reshape(lead)}


def spread(case, parameter):
    """A parameter of each sample, with the dimensions that it lacks beside x."""
    missing = (1,) * (len(case.shape) - len(case.feature_shape) - 1)
    between, behind = (missing, ()) if case.normalized_rank else ((), missing)
    return parameter.reshape(case.shape[:1] + between + case.feature_shape + behind)


def run(case, steps):
    """The outputs of the only step, those that the operators have."""
    tensors = {name: array if name == "num_batches_tracked" else dtypes.double(array)
               for name, array in steps[0].items()}
    x, shape = tensors["x"], case.feature_shape
    outputs = {}
    if case.residual_before:
        x, = run_operator("Add", [x, tensors["residual"]], 1)
        for dtype in (TensorProto.FLOAT, CASTS[case.dtype], TensorProto.DOUBLE):
            x, = run_operator("Cast", [x], 1, to=dtype)
        outputs["h"] = x
    weight = tensors["weight"] + case.weight_offset if "weight" in tensors else np.ones(shape)
    bias = tensors.get("bias", np.zeros(shape))
    if case.per_sample:
        outputs.update(norm(case, tensors, x, np.ones(shape), np.zeros(shape)))
        for operator, parameter in (("Mul", weight), ("Add", bias)):
            if parameter.ndim > len(shape):
                outputs["y"], = run_operator(operator, [outputs["y"], spread(case, parameter)], 1)
    else:
        outputs.update(norm(case, tensors, x, weight, bias))
    if case.residual == "after":
        outputs["y"], = run_operator("Add", [outputs["y"], tensors["residual"]], 1)
    if case.activation == "relu":
        outputs["y"], = run_operator("Relu", [outputs["y"]], 1)
    elif case.activation == "silu":
        gate, = run_operator("Sigmoid", [outputs["y"]], 1)
        outputs["y"], = run_operator("Mul", [outputs["y"], gate], 1)
    return [outputs]
