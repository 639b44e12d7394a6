#include "agent/host/release.hpp"

#include "agent/host/address_changes.hpp"
#include "agent/host/kernel_monitor.hpp"

namespace understudy::host {

std::size_t release_everything() {
    KernelMonitor monitor;
    AddressChanges changes;
    std::size_t count = 0;
    monitor.observe_all([&](const core::Event& event) {
        const auto* address = std::get_if<core::AddressSeen>(&event);
        if (address != nullptr && address->ours) {
            changes.queue(core::RemoveAddress{address->index, address->prefix});
            ++count;
        }
    });
    changes.flush([](const core::Event&) {});
    return count;
}

}  // namespace understudy::host
