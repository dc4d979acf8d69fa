# SPDX-License-Identifier: MIT
"""The results of the reference operators that the onnx package ships, run on float64."""
import functools

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

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
          "RMSNormalization": 23}


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
    return session.run(None, {f"i{k}": np.asarray(array, np.float64) for k, array in enumerate(inputs)})


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
    count = x.size // shape[0]
    biased = (new_var - kept * var) / (1.0 - kept)
    return {"y": y, "running_mean": new_mean, "running_var": kept * var + (1.0 - kept) * biased * count / (count - 1)}


def run(case, steps):
    """The outputs of the only step, those that the operator has."""
    tensors = steps[0]
    x = tensors["x"].astype(np.float64)
    weight = tensors.get("weight", np.ones(case.feature_shape))
    bias = tensors.get("bias", np.zeros(case.feature_shape))
    if case.norm == "batch":
        return [batch(case, tensors, x, weight, bias)]
    if case.norm == "instance":
        return [{"y": run_operator("InstanceNormalization", [x, weight, bias], 1, epsilon=case.eps)[0]}]
    if case.norm == "group":
        return [{"y": run_operator("GroupNormalization", [x, weight, bias], 1, epsilon=case.eps,
                                   num_groups=case.groups, stash_type=TensorProto.DOUBLE)[0]}]
    axis = -case.normalized_rank
    if case.norm == "rms":
        return [{"y": run_operator("RMSNormalization", [x, weight], 1, epsilon=case.eps, axis=axis)[0]}]
    y, mean, rstd = run_operator("LayerNormalization", [x, weight, bias], 3, epsilon=case.eps, axis=axis)
    lead = case.shape[:axis]
    return [{"y": y, "mean": mean.reshape(lead), "rstd": rstd.reshape(lead)}]
