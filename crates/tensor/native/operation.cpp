// Differentiable operations whose forward and backward passes are computed outside libtorch.
#include "shim.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstring>
#include <exception>
#include <vector>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// An operation, and what its forward pass keeps for the backward pass.
struct Held : torch::CustomClassHolder {
    const void* operation;
    AeOperation calls;
    void* kept = nullptr;

    Held(const void* operation, const AeOperation& calls) : operation(operation), calls(calls) {}
    ~Held() override {
        if (kept) calls.release_kept(kept);
        calls.release_operation(operation);
    }
};

AeArray array(const at::Tensor& tensor) {
    return tensor.defined() ? AeArray{const_cast<float*>(tensor.const_data_ptr<float>()), tensor.numel()} : AeArray{};
}

std::vector<AeArray> arrays(at::TensorList tensors) {
    std::vector<AeArray> out;
    out.reserve(tensors.size());
    for (const auto& tensor : tensors) out.push_back(array(tensor));
    return out;
}

at::Tensor computed(Held& held, at::TensorList inputs, at::IntArrayRef shape, bool keep) {
    auto out = at::empty(shape, inputs[0].options().requires_grad(false));
    auto data = arrays(inputs);
    held.kept = held.calls.forward(held.operation, data.data(), data.size(), array(out), keep);
    return out;
}

struct Outside : torch::autograd::Function<Outside> {
    static at::Tensor forward(AutogradContext* context, at::TensorList inputs, c10::intrusive_ptr<Held> held,
                              std::vector<int64_t> shape) {
        auto out = computed(*held, inputs, shape, true);
        variable_list saved(inputs.begin(), inputs.end());
        if (!held->calls.needs_samples) saved[0] = at::Tensor();
        context->save_for_backward(std::move(saved));
        context->saved_data["shape"] = inputs[0].sizes().vec();
        context->saved_data["held"] = c10::IValue::make_capsule(held);
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(),
                    "native kernels cannot be differentiated twice; run the forward pass in kernels::by_libtorch, or choose libtorch's kernels");
        auto inputs = context->get_saved_variables();
        auto shape = context->saved_data["shape"].toIntVector();
        auto& held = static_cast<Held&>(*context->saved_data["held"].toCapsule());
        auto gradient = gradients[0].contiguous();
        variable_list out(inputs.size() + 2);
        std::vector<AeArray> to(inputs.size());
        for (size_t i = 0; i < to.size(); ++i) {
            if (!context->needs_input_grad(i)) continue;
            out[i] = i == 0 ? at::empty(shape, gradient.options()) : at::empty_like(inputs[i]);
            to[i] = array(out[i]);
        }
        auto data = arrays(inputs);
        held.calls.backward(held.operation, held.kept, data.data(), data.size(), array(gradient), to.data());
        return out;
    }
};

}  // namespace

char* ae_apply(const void* operation, const AeOperation* calls, Tensor** inputs, int64_t n, const int64_t* dims,
               int64_t n_dims, Tensor** out) {
    try {
        auto held = c10::make_intrusive<Held>(operation, *calls);
        std::vector<at::Tensor> tensors;
        tensors.reserve(n);
        bool is_differentiated = false;
        for (int64_t i = 0; i < n; ++i) {
            TORCH_CHECK(inputs[i]->is_cpu() && inputs[i]->scalar_type() == at::kFloat,
                        "native kernels take 32-bit numbers on the CPU");
            tensors.push_back(inputs[i]->contiguous());
            is_differentiated |= inputs[i]->requires_grad();
        }
        std::vector<int64_t> shape(dims, dims + n_dims);
        if (is_differentiated && at::GradMode::is_enabled()) {
            *out = new at::Tensor(Outside::apply(at::TensorList(tensors), held, shape));
        } else {
            c10::NoGradGuard no_grad;
            *out = new at::Tensor(computed(*held, tensors, shape, false));
        }
        return nullptr;
    } catch (const std::exception& error) {
        const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
        return strdup(torch_error ? torch_error->what_without_backtrace() : error.what());
    }
}
