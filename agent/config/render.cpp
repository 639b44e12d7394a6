#include "agent/config/render.hpp"

#include "agent/config/command_line.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/render_health.hpp"
#include "agent/config/writer.hpp"

namespace understudy::config {

namespace {

void render_addresses(const core::VipSettings& vip, Writer& out) {
    for (const core::VirtualAddress& address : vip.addresses) {
        if (address.derived) {
            continue;  // it follows from the vrid
        }
        const bool elsewhere = address.interface != vip.interface;
        out.key(address.advertised ? "address" : "extra_address",
                address.prefix.to_string() + (elsewhere ? " dev " + address.interface : ""));
    }
}

void render_routers(const core::VipSettings& vip, Writer& out) {
    for (const IpAddress& source : vip.unicast_sources) {
        out.key("unicast_source", source.to_string());
    }
    for (const IpAddress& peer : vip.unicast_peers) {
        out.key("unicast_peer", peer.to_string());
    }
    if (vip.is_unicast()) {
        out.number("unicast_min_ttl", vip.unicast_min_ttl);
    }
    for (const IpAddress& peer : vip.peers) {
        out.key("peer", peer.to_string());
    }
}

void render_hooks(const core::HookSettings& hooks, Writer& out) {
    if (!hooks.any()) {
        return;
    }
    for (std::size_t kind = 0; kind < core::hook_kinds; ++kind) {
        if (!hooks.commands.at(kind).empty()) {
            out.text(core::hook_names.at(kind), format_command_line(hooks.commands.at(kind)));
        }
    }
    out.duration("hook_timeout", hooks.timeout);
    out.word("hook_arguments", hook_arguments_words(), hooks.keepalived_arguments ? 1 : 0);
}

void render_vip(const core::VipSettings& vip, Writer& out) {
    out.section("vip " + vip.name);
    out.key("interface", vip.interface);
    out.number("vrid", vip.vrid);
    out.number("version", static_cast<int>(vip.version));
    out.number("priority", vip.priority);
    out.duration("advert_interval", vip.advert_interval);
    render_addresses(vip, out);
    out.duration("startup_delay", vip.startup_delay);
    out.yes_no("preempt", vip.preempt);
    out.duration("preempt_delay", vip.preempt_delay);
    out.yes_no("accept", vip.accept);
    out.word("mac", mac_words(), vip.virtual_mac ? 1 : 0);
    out.word("checksum", checksum_words(), static_cast<std::size_t>(vip.checksum));
    render_routers(vip, out);
    out.duration("lease", vip.lease);
    render_track(vip, out);
    render_hooks(vip.hooks, out);
}

}  // namespace

std::string render(const core::Configuration& configuration) {
    const core::AgentSettings& agent = configuration.agent;
    Writer out;
    out.section("agent");
    out.key("name", agent.name);
    out.word("log_level", log_level_words(), static_cast<std::size_t>(agent.log_level));
    out.duration("stop_timeout", agent.stop_timeout);
    out.key("script_user", agent.script_user);
    out.yes_no("record", agent.record);
    for (const core::VipSettings& vip : configuration.vips) {
        render_vip(vip, out);
    }
    for (const core::ServiceSettings& service : configuration.services) {
        render_service(service, out);
    }
    for (const checks::CheckSettings& check : configuration.checks) {
        render_check(check, out);
    }
    return out.take();
}

}  // namespace understudy::config
