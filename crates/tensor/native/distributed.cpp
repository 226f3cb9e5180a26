#include "distributed.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

using c10d::ProcessGroupGloo;

struct AeStore {
    c10::intrusive_ptr<c10d::Store> store;
};

struct AeGroup {
    c10::intrusive_ptr<ProcessGroupGloo> group;
};

namespace {

char* copy_of(const char* text, size_t length) {
    char* copy = static_cast<char*>(std::malloc(length + 1));
    if (!copy) return nullptr;
    std::memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

template <typename Body>
char* guarded(Body body) {
    try {
        body();
        return nullptr;
    } catch (const c10::Error& e) {
        return copy_of(e.what_without_backtrace(), std::strlen(e.what_without_backtrace()));
    } catch (const std::exception& e) {
        return copy_of(e.what(), std::strlen(e.what()));
    } catch (...) {
        const char* text = "an exception of unknown type";
        return copy_of(text, std::strlen(text));
    }
}

// Waits for an exchange, awake at first: it passes through several threads here and elsewhere, and a core that has gone to sleep
// takes longer to wake for each of them than all of them to do their work.
void finish(const c10::intrusive_ptr<c10d::Work>& work) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (!work->isCompleted() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    work->wait();
}

}  // namespace

char* ae_store_open(const char* host, int port, int hosts, const char* prefix, int64_t timeout_ms, AeStore** out) {
    return guarded([&] {
        // Whatever fails is said by our errors; c10d would add pages of addresses to each.
        if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = 3;
        c10d::TCPStoreOptions options;
        options.port = static_cast<std::uint16_t>(port);
        options.isServer = hosts != 0;
        options.waitWorkers = false;
        options.timeout = std::chrono::milliseconds(timeout_ms);
        auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
        *out = new AeStore{c10::make_intrusive<c10d::PrefixStore>(prefix, store)};
    });
}

char* ae_store_clone(AeStore* store, AeStore** out) {
    return guarded([&] { *out = new AeStore{store->store->clone()}; });
}

char* ae_store_set(AeStore* store, const char* key, const char* value) {
    return guarded([&] { store->store->set(key, std::vector<uint8_t>(value, value + std::strlen(value))); });
}

char* ae_store_get(AeStore* store, const char* key, char** value) {
    return guarded([&] {
        *value = nullptr;
        if (!store->store->check({key})) return;
        std::vector<uint8_t> found = store->store->get(key);
        *value = copy_of(reinterpret_cast<const char*>(found.data()), found.size());
    });
}

void ae_store_free(AeStore* store) { delete store; }

char* ae_group_join(AeStore* store, int rank, int size, const char* interface, int64_t timeout_ms, AeGroup** out) {
    return guarded([&] {
        auto options = ProcessGroupGloo::Options::create(std::chrono::milliseconds(timeout_ms));
        if (interface[0] == '@') {
            options->devices.push_back(ProcessGroupGloo::createDeviceForHostname(interface + 1));
        } else if (interface[0] != '\0') {
            options->devices.push_back(ProcessGroupGloo::createDeviceForInterface(interface));
        } else {
            options->devices.push_back(ProcessGroupGloo::createDefaultDevice());
        }
        options->threads = 1;
        auto group = c10::make_intrusive<ProcessGroupGloo>(
            c10::make_intrusive<c10d::PrefixStore>("gloo", store->store), rank, size, options);
        *out = new AeGroup{group};
    });
}

char* ae_group_sum(AeGroup* group, Tensor* tensor) {
    return guarded([&] {
        std::vector<at::Tensor> tensors{*tensor};
        finish(group->group->allreduce(tensors));
    });
}

char* ae_group_broadcast(AeGroup* group, Tensor* tensor) {
    return guarded([&] {
        std::vector<at::Tensor> tensors{*tensor};
        finish(group->group->broadcast(tensors));
    });
}

void ae_group_free(AeGroup* group) { delete group; }
