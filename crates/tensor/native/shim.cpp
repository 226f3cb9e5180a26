#include "shim.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

char* message_of(const char* text) {
    char* copy = static_cast<char*>(std::malloc(std::strlen(text) + 1));
    if (copy) std::strcpy(copy, text);
    return copy;
}

template <typename Body>
char* guarded(Body body) {
    try {
        body();
        return nullptr;
    } catch (const c10::Error& e) {
        return message_of(e.what_without_backtrace());
    } catch (const std::exception& e) {
        return message_of(e.what());
    } catch (...) {
        return message_of("an exception of unknown type");
    }
}

// Drops the warning, at every step, of an operation that has no algorithm with repeatable bits.
struct QuietHandler : c10::WarningHandler {
    void process(const c10::Warning& warning) override {
        if (warning.msg().find("does not have a deterministic implementation") == std::string::npos) {
            c10::WarningHandler::process(warning);
        }
    }
};

std::vector<at::Tensor> list(Tensor** tensors, int64_t n) {
    std::vector<at::Tensor> out;
    out.reserve(n);
    for (int64_t i = 0; i < n; ++i) out.push_back(*tensors[i]);
    return out;
}

// Parameters that the last backward pass did not reach have no gradient and are left out.
std::vector<at::Tensor> gradients(Tensor** parameters, int64_t n) {
    std::vector<at::Tensor> out;
    out.reserve(n);
    for (int64_t i = 0; i < n; ++i)
        if (parameters[i]->grad().defined()) out.push_back(parameters[i]->grad());
    return out;
}

struct Updated {
    std::vector<at::Tensor> parameters, gradients, first, second, third;
};

Updated updated(Tensor** parameters, Tensor** first, Tensor** second, Tensor** third, int64_t n) {
    Updated u;
    for (int64_t i = 0; i < n; ++i) {
        const at::Tensor& gradient = parameters[i]->grad();
        if (!gradient.defined()) continue;
        u.parameters.push_back(*parameters[i]);
        u.gradients.push_back(gradient);
        if (first) u.first.push_back(*first[i]);
        if (second) u.second.push_back(*second[i]);
        if (third) u.third.push_back(*third[i]);
    }
    return u;
}

}  // namespace

void ae_free_message(char* message) { std::free(message); }

char* ae_backward(Tensor* loss, Tensor** parameters, int64_t n, int retain_graph) {
    return guarded([&] {
        auto inputs = list(parameters, n);
        loss->backward(at::Tensor(), retain_graph != 0, false, at::TensorList(inputs));
    });
}

char* ae_zero_gradients(Tensor** parameters, int64_t n) {
    return guarded([&] {
        for (int64_t i = 0; i < n; ++i) parameters[i]->mutable_grad() = at::Tensor();
    });
}

char* ae_set_gradients(Tensor** parameters, Tensor** gradients, int64_t n) {
    return guarded([&] {
        for (int64_t i = 0; i < n; ++i) {
            if (parameters[i]->requires_grad()) parameters[i]->mutable_grad() = *gradients[i];
        }
    });
}

char* ae_values(Tensor** tensors, int64_t n, int of_gradients, float** values, int* are_plain) {
    return guarded([&] {
        *are_plain = 1;
        for (int64_t i = 0; i < n; ++i) {
            const at::Tensor& tensor = of_gradients ? tensors[i]->grad() : *tensors[i];
            values[i] = nullptr;
            if (!tensor.defined()) continue;
            bool is_plain = tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
            if (is_plain) values[i] = static_cast<float*>(tensor.data_ptr());
            else *are_plain = 0;
        }
    });
}

char* ae_fused_adam(Tensor** parameters, Tensor** first, Tensor** second, Tensor** steps, int64_t n, double rate,
                    double beta1, double beta2, double weight_decay, double epsilon, int decoupled) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        Updated u = updated(parameters, first, second, steps, n);
        if (u.parameters.empty()) return;
        at::_foreach_add_(u.third, 1);
        auto step = decoupled ? [](Updated& u, double r, double b1, double b2, double d, double e) {
            at::_fused_adamw_(u.parameters, u.gradients, u.first, u.second, {}, u.third, r, b1, b2, d, e, false, false);
        } : [](Updated& u, double r, double b1, double b2, double d, double e) {
            at::_fused_adam_(u.parameters, u.gradients, u.first, u.second, {}, u.third, r, b1, b2, d, e, false, false);
        };
        step(u, rate, beta1, beta2, weight_decay, epsilon);
    });
}

char* ae_fused_sgd(Tensor** parameters, Tensor** momenta, int64_t n, double rate, double momentum,
                   double weight_decay, int nesterov, int first_step) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        Updated u = updated(parameters, momentum != 0 ? momenta : nullptr, nullptr, nullptr, n);
        if (u.parameters.empty()) return;
        at::_fused_sgd_(u.parameters, u.gradients, u.first, weight_decay, momentum, rate, 0.0, nesterov != 0, false,
                        first_step != 0);
    });
}

char* ae_rmsprop(Tensor** parameters, Tensor** means, Tensor** squares, Tensor** momenta, int64_t n, double rate,
                 double alpha, double epsilon, double momentum, double weight_decay, int centered) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        Updated u = updated(parameters, centered ? means : nullptr, squares, momentum != 0 ? momenta : nullptr, n);
        if (u.parameters.empty()) return;
        auto& gradient = u.gradients;
        if (weight_decay != 0) gradient = at::_foreach_add(gradient, u.parameters, weight_decay);
        at::_foreach_mul_(u.second, alpha);
        at::_foreach_addcmul_(u.second, gradient, gradient, 1 - alpha);
        auto scale = u.second;
        if (centered) {
            at::_foreach_lerp_(u.first, gradient, 1 - alpha);
            scale = at::_foreach_addcmul(u.second, u.first, u.first, -1);
            // Rounding can leave a variance just below zero.
            at::_foreach_clamp_min_(scale, 0);
        }
        scale = at::_foreach_sqrt(scale);
        at::_foreach_add_(scale, epsilon);
        if (momentum != 0) {
            at::_foreach_mul_(u.third, momentum);
            at::_foreach_addcdiv_(u.third, gradient, scale, 1);
            at::_foreach_add_(u.parameters, u.third, -rate);
        } else {
            at::_foreach_addcdiv_(u.parameters, gradient, scale, -rate);
        }
    });
}

char* ae_gradient_norm(Tensor** parameters, int64_t n, Tensor** norm) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        auto all = gradients(parameters, n);
        *norm = new at::Tensor(all.empty() ? at::zeros({}) : at::stack(at::_foreach_norm(all)).norm());
    });
}

char* ae_scale_gradients(Tensor** parameters, int64_t n, Tensor* factor) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        auto all = gradients(parameters, n);
        if (!all.empty()) at::_foreach_mul_(all, *factor);
    });
}

char* ae_lerp(Tensor** averages, Tensor** parameters, int64_t n, double weight) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        auto a = list(averages, n);
        if (!a.empty()) at::_foreach_lerp_(a, list(parameters, n), weight);
    });
}

char* ae_repeatable_cuda() {
    return guarded([&] {
        auto& context = at::globalContext();
        context.setDeterministicCuDNN(true);
        context.setBenchmarkCuDNN(false);
        // Where there is no such algorithm, the usual one is taken; it is no error.
        static QuietHandler quiet;
        c10::WarningUtils::set_warning_handler(&quiet);
        context.setDeterministicAlgorithms(true, /*warn_only=*/true);
        // Ours are always filled; filling them twice costs time.
        context.setDeterministicFillUninitializedMemory(false);
    });
}

char* ae_random(uint64_t seed, int kind, const int64_t* dims, int64_t n_dims, int64_t cuda_index, Tensor** out) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        at::IntArrayRef shape(dims, n_dims);
        at::Device device = cuda_index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, cuda_index);
        at::Generator generator;
        if (cuda_index < 0) {
            generator = at::detail::createCPUGenerator(seed);
        } else {
            generator = at::globalContext().defaultGenerator(device).clone();
            generator.set_current_seed(seed);
        }
        auto options = at::TensorOptions().device(device);
        switch (kind) {
            case 0: *out = new at::Tensor(at::empty(shape, options.dtype(at::kFloat)).normal_(0, 1, generator)); break;
            case 1: *out = new at::Tensor(at::empty(shape, options.dtype(at::kFloat)).uniform_(0, 1, generator)); break;
            default: *out = new at::Tensor(at::randperm(dims[0], generator, options.dtype(at::kLong)));
        }
    });
}

char* ae_adopt(float* data, const int64_t* dims, int64_t n_dims, void (*release)(void*), void* context,
               Tensor** out) {
    return guarded([&] {
        auto options = at::TensorOptions().dtype(at::kFloat);
        *out = new at::Tensor(
            at::from_blob(data, at::IntArrayRef(dims, n_dims), [=](void*) { release(context); }, options));
    });
}

char* ae_on_gradient(Tensor* tensor, void (*hook)(void*, Tensor*), void (*release)(void*), void* context) {
    return guarded([&] {
        std::shared_ptr<void> owner(context, release);
        tensor->register_hook([hook, owner](const at::Tensor& gradient) {
            at::Tensor changed = gradient.contiguous().clone();
            hook(owner.get(), &changed);
            return changed;
        });
    });
}
