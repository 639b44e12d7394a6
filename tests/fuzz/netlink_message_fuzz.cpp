// Any bytes as a datagram of rtnetlink: nothing is read that is not in it, and what is reported is
// something that a kernel can have.
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "agent/host/kernel_messages.hpp"
#include "base/ensure.hpp"
#include "base/overloaded.hpp"

namespace {

using namespace understudy;

void check(const IpPrefix& prefix) {
    ensure(prefix.length <= 8 * address_size(prefix.address.family()), "the prefix has its length");
}

void check(const core::Event& event) {
    std::visit(
        Overloaded{
            [](const core::LinkSeen& e) { ensure(e.name.find('\0') == e.name.npos, "a name"); },
            [](const core::LinkGone&) {},
            [](const core::AddressSeen& e) {
                check(e.prefix);
                ensure(!e.age || *e.age >= Duration::zero(), "nothing is from the future");
                ensure(!e.remaining || *e.remaining >= Duration::zero(), "what is seen is there");
            },
            [](const core::AddressGone& e) { check(e.prefix); },
            [](const auto&) { ensure(false, "links and addresses, nothing else"); },
        },
        event);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A block of just that size, and aligned as the buffer of the socket is.
    const auto input = std::as_bytes(std::span{data, size});
    const std::vector<std::byte> datagram{input.begin(), input.end()};
    std::size_t events = 0;
    host::report_messages(datagram, [&](const core::Event& event) {
        check(event);
        ++events;
    });
    ensure(events <= size / 16, "a message is one event at most");
    host::report_local_routes(datagram, [](const IpAddress& address) {
        ensure(address.is_v6(), "local routes of IPv6 only");
    });
    return 0;
}
