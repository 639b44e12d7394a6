#include "agent/config/render.hpp"

#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

class Writer {
   public:
    void section(const std::string& title) { text_ += (text_.empty() ? "[" : "\n[") + title + "]\n"; }
    void key(const std::string& name, const std::string& value) {
        text_ += name + " = " + value + '\n';
    }
    void yes_no(const std::string& name, bool value) { key(name, value ? "yes" : "no"); }
    void duration(const std::string& name, Duration value) { key(name, format_duration(value)); }
    void number(const std::string& name, int value) { key(name, std::to_string(value)); }
    std::string take() { return std::move(text_); }

   private:
    std::string text_;
};

void render_vip(const core::VipSettings& vip, Writer& out) {
    out.section("vip " + vip.name);
    out.key("interface", vip.interface);
    out.number("vrid", vip.vrid);
    out.number("version", static_cast<int>(vip.version));
    out.number("priority", vip.priority);
    out.duration("advert_interval", vip.advert_interval);
    for (const core::VirtualAddress& address : vip.addresses) {
        if (address.derived) {
            continue;  // it follows from the vrid
        }
        const bool elsewhere = address.interface != vip.interface;
        out.key(address.advertised ? "address" : "extra_address",
                address.prefix.to_string() + (elsewhere ? " dev " + address.interface : ""));
    }
    out.duration("startup_delay", vip.startup_delay);
    out.yes_no("preempt", vip.preempt);
    out.duration("preempt_delay", vip.preempt_delay);
    out.yes_no("accept", vip.accept);
    out.key("mac", vip.virtual_mac ? "virtual" : "interface");
    constexpr const char* checksums[] = {"auto", "rfc9568", "pseudo-header"};
    out.key("checksum", checksums[static_cast<int>(vip.checksum)]);
    for (const IpAddress& source : vip.unicast_sources) {
        out.key("unicast_source", source.to_string());
    }
    for (const IpAddress& peer : vip.unicast_peers) {
        out.key("unicast_peer", peer.to_string());
    }
    if (vip.is_unicast()) {
        out.number("unicast_min_ttl", vip.unicast_min_ttl);
    }
    out.duration("lease", vip.lease);
}

}  // namespace

std::string render(const core::Configuration& configuration) {
    constexpr const char* levels[] = {"trace", "debug", "info", "warn", "error"};
    Writer out;
    out.section("agent");
    out.key("name", configuration.agent.name);
    out.key("log_level", levels[static_cast<int>(configuration.agent.log_level)]);
    out.duration("stop_timeout", configuration.agent.stop_timeout);
    out.key("script_user", configuration.agent.script_user);
    for (const core::VipSettings& vip : configuration.vips) {
        render_vip(vip, out);
    }
    return out.take();
}

}  // namespace understudy::config
