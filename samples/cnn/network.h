// SPDX-License-Identifier: MIT
// Convolutional networks for small images.
#ifndef CNN_NETWORK_H
#define CNN_NETWORK_H

#include "module.h"
#include "random.h"

// Stages of Conv 3x3, padding 1 - norm - ReLU, with MaxPool 2 behind each, or behind the last alone; Flatten; where
// there are hidden features Linear - norm - ReLU and perhaps Dropout; Linear.
enum { CNN_STAGES = 3 };
typedef struct cnn_model {
    uint32_t stages, channels[CNN_STAGES];
    bool one_pool;
    uint32_t hidden; // features; 0: no hidden layer
    bool dropout;    // behind them
} cnn_model;

extern const cnn_model cnn_simple, cnn_sequential, cnn_cifar10;

// What is to be told of the images, and of the choices that a model leaves.
typedef struct cnn_network_info {
    const cnn_model *model;
    vkn_kind norm;           // 0: none. Group norm has 4 groups, layer norm goes over the whole image
    double dropout;          // chance that the model's Dropout takes a value
    uint32_t channels, size; // of an image
    uint32_t classes;
} cnn_network_info;

// x [N, channels, size, size] to logits [N, classes]. A sequential with the names of the same torch.nn.Sequential. A
// convolution has no bias where the norm behind it would take it away: batch and instance norm. There is no instance
// norm of hidden features, which have one value each. NULL after a failure, which the device knows.
nn_module *cnn_network_create(nn_device *, const cnn_network_info *, nn_random *);

#endif
