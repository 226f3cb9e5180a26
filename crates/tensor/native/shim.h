// What libtorch has and `tch` does not expose, behind a C interface. Every function returns null, or an error
// message that the caller frees with `ae_free_message`. A `Tensor*` is an `at::Tensor*`, as in `tch`.
#pragma once
#include <cstdint>

namespace at {
class Tensor;
}
using Tensor = at::Tensor;

extern "C" {
void ae_free_message(char* message);

// Back-propagates `loss` into these parameters and no others.
char* ae_backward(Tensor* loss, Tensor** parameters, int64_t n, int retain_graph);
char* ae_zero_gradients(Tensor** parameters, int64_t n);
char* ae_set_gradients(Tensor** parameters, Tensor** gradients, int64_t n);
// Where the values of tensors are, or those of their gradients: null where there is none. `are_plain` is 0 if some are not
// contiguous 32-bit numbers on the CPU.
char* ae_values(Tensor** tensors, int64_t n, int of_gradients, float** values, int* are_plain);
char* ae_fused_adam(Tensor** parameters, Tensor** first, Tensor** second, Tensor** steps, int64_t n, double rate,
                    double beta1, double beta2, double weight_decay, double epsilon, int decoupled);
char* ae_fused_sgd(Tensor** parameters, Tensor** momenta, int64_t n, double rate, double momentum,
                   double weight_decay, int nesterov, int first_step);
// `means` is read only if `centered`, `momenta` only with a momentum.
char* ae_rmsprop(Tensor** parameters, Tensor** means, Tensor** squares, Tensor** momenta, int64_t n, double rate,
                 double alpha, double epsilon, double momentum, double weight_decay, int centered);
char* ae_gradient_norm(Tensor** parameters, int64_t n, Tensor** norm);
char* ae_scale_gradients(Tensor** parameters, int64_t n, Tensor* factor);
char* ae_lerp(Tensor** averages, Tensor** parameters, int64_t n, double weight);

// Makes operations on CUDA choose algorithms that give the same bits every time, for this process.
char* ae_repeatable_cuda();

// kind: 0 normal, 1 uniform in [0, 1), 2 permutation of 0..dims[0] (int64).
char* ae_random(uint64_t seed, int kind, const int64_t* dims, int64_t n_dims, int64_t cuda_index, Tensor** out);

// A float tensor over memory of the caller; `release(context)` is called once when the last user is gone.
char* ae_adopt(float* data, const int64_t* dims, int64_t n_dims, void (*release)(void*), void* context,
               Tensor** out);

// Values in a row.
struct AeArray {
    float* values;
    int64_t len;
};

// A differentiable operation that is computed outside. The first of its inputs holds samples, the others are parameters; only
// gradients are written to.
struct AeOperation {
    // Writes the result; returns what the backward pass needs, or null if `keep` is 0.
    void* (*forward)(const void* operation, const AeArray* inputs, int64_t n, AeArray result, int keep);
    // Writes the gradients of the inputs that are not null. The samples are null unless they are needed.
    void (*backward)(const void* operation, const void* kept, const AeArray* inputs, int64_t n, AeArray gradient,
                     const AeArray* gradients);
    void (*release_kept)(void* kept);
    void (*release_operation)(const void* operation);
    // Whether the backward pass needs the samples.
    int needs_samples;
};

// Applies an operation, which is released when its last use is gone, also if this fails.
char* ae_apply(const void* operation, const AeOperation* calls, Tensor** inputs, int64_t n, const int64_t* dims,
               int64_t n_dims, Tensor** out);
// `hook(context, gradient)` changes the gradient of `tensor`, a copy, in place when it is computed;
// `release(context)` is called once when the graph is gone, or if the call fails.
char* ae_on_gradient(Tensor* tensor, void (*hook)(void*, Tensor*), void (*release)(void*), void* context);
}
