// The digest over what a Node decided.
#include <span>

#include "agent/record/record.hpp"
#include "base/overloaded.hpp"

namespace understudy::record {

namespace {

// FNV-1a, 64 bits, over bytes that are the same on every machine.
class Digest {
public:
    Digest& number(std::uint64_t value) {
        for (int i = 0; i < 8; ++i) {
            byte(static_cast<std::uint8_t>(value >> (8 * i)));
        }
        return *this;
    }
    Digest& integer(std::int64_t value) { return number(static_cast<std::uint64_t>(value)); }
    Digest& text(std::string_view text) {
        number(text.size());
        for (const char c : text) {
            byte(static_cast<std::uint8_t>(c));
        }
        return *this;
    }
    Digest& bytes(std::span<const std::byte> bytes) {
        number(bytes.size());
        for (const std::byte one : bytes) {
            byte(std::to_integer<std::uint8_t>(one));
        }
        return *this;
    }
    Digest& address(const IpAddress& address) { return bytes(address.bytes()); }
    Digest& prefix(const IpPrefix& prefix) { return address(prefix.address).number(prefix.length); }
    Digest& listener(const core::Listener& listener) {
        return number(address_size(listener.family))
            .integer(listener.interface)
            .number(listener.multicast ? 1 : 0);
    }
    std::uint64_t value() const { return value_; }

private:
    void byte(std::uint8_t byte) {
        value_ ^= byte;
        value_ *= 0x100000001b3U;
    }

    std::uint64_t value_ = 0xcbf29ce484222325U;
};

// The words in front are part of the format: a new kind of action changes no other digest.
void add(Digest& digest, const core::Action& action, const core::Outbox& outbox) {
    std::visit(
        Overloaded{
            [&](const core::OpenListener& a) { digest.text("open").listener(a.listener); },
            [&](const core::CloseListener& a) { digest.text("close").listener(a.listener); },
            [&](const core::SendAdvert& a) {
                digest.text("advert").integer(a.interface).address(a.source);
                digest.address(a.destination).number(a.vrid).bytes(outbox.payload(a.payload));
            },
            [&](const core::Announce& a) {
                digest.text("announce").integer(a.interface);
                digest.bytes(std::as_bytes(std::span{a.mac.bytes})).address(a.address);
            },
            [&](const core::AddAddress& a) {
                digest.text("add").integer(a.interface).prefix(a.prefix).integer(a.lease.count());
            },
            [&](const core::RenewAddress& a) {
                digest.text("renew").integer(a.interface).prefix(a.prefix).integer(a.lease.count());
            },
            [&](const core::RemoveAddress& a) {
                digest.text("remove").integer(a.interface).prefix(a.prefix);
            },
            [&](const core::RunCheck& a) { digest.text("check").number(a.check).number(a.run); },
            [&](const core::RestartProber&) { digest.text("prober"); },
            [&](const core::StartService& a) {
                digest.text("start").number(a.service).number(a.order);
            },
            [&](const core::StopService& a) {
                digest.text("stop").number(a.service).number(a.order);
            },
            // Not the command: its arguments are not in the journal.
            [&](const core::RunHook& a) {
                digest.text("hook").text(a.vip).text(core::name_of(a.kind)).number(a.order);
            },
            [&](const core::Reply& a) {
                digest.text("reply").number(a.client).number(a.response.index());
            },
            [](const core::Log&) {},
            [&](const core::Publish& a) {
                digest.text("state").text(a.event.vip);
                digest.text(control::name_of(a.event.from)).text(control::name_of(a.event.to));
            },
            [&](const core::KeepMaintenance& a) {
                digest.text("maintenance").number(a.on ? 1 : 0);
                digest.integer(a.until ? a.until->time_since_epoch().count() : 0);
            },
            [&](const core::Exit&) { digest.text("exit"); },
        },
        action);
}

}  // namespace

Decisions decisions_of(const core::Outbox& outbox) {
    Digest digest;
    Decisions decisions;
    for (const core::Action& action : outbox.actions) {
        if (!std::holds_alternative<core::Log>(action)) {
            add(digest, action, outbox);
            ++decisions.actions;
        }
    }
    decisions.digest = decisions.actions == 0 ? 0 : digest.value();
    return decisions;
}

}  // namespace understudy::record
