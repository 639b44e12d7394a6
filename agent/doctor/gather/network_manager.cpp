// What NetworkManager says of an interface. Its files below /run may be left from a former run.
#include <systemd/sd-bus.h>

#include <memory>

#include "agent/doctor/gather/gather.hpp"

namespace understudy::doctor {

namespace {

constexpr const char* destination = "org.freedesktop.NetworkManager";
constexpr const char* device_interface = "org.freedesktop.NetworkManager.Device";
constexpr const char* active_interface = "org.freedesktop.NetworkManager.Connection.Active";
constexpr std::uint64_t patience_us = 1'000'000;

struct Close {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, Close>;
using Message = std::unique_ptr<sd_bus_message, Close>;

std::string text_in(sd_bus_message* message, char type) {
    const char* text = nullptr;
    return sd_bus_message_read_basic(message, type, static_cast<void*>(&text)) > 0 ? text : "";
}

std::string device_of(sd_bus* bus, const std::string& interface) {
    sd_bus_message* reply = nullptr;
    sd_bus_call_method(bus, destination, "/org/freedesktop/NetworkManager", destination,
                       "GetDeviceByIpIface", nullptr, &reply, "s", interface.c_str());
    const Message owned{reply};
    return reply == nullptr ? "" : text_in(reply, 'o');
}

bool is_managed(sd_bus* bus, const std::string& device) {
    int managed = 0;
    const int result = sd_bus_get_property_trivial(
        bus, destination, device.c_str(), device_interface, "Managed", nullptr, 'b', &managed);
    return result >= 0 && managed != 0;
}

std::string property(sd_bus* bus, const std::string& path, const char* interface, const char* name,
                     const char* type) {
    sd_bus_message* reply = nullptr;
    sd_bus_get_property(bus, destination, path.c_str(), interface, name, nullptr, &reply, type);
    const Message owned{reply};
    return reply == nullptr ? "" : text_in(reply, *type);
}

}  // namespace

std::string connection_of(const std::string& interface) {
    sd_bus* opened = nullptr;
    if (sd_bus_open_system(&opened) < 0) {
        return {};
    }
    const Bus bus{opened};
    sd_bus_set_method_call_timeout(opened, patience_us);
    const std::string device = device_of(opened, interface);
    if (device.empty() || !is_managed(opened, device)) {
        return {};
    }
    const std::string active = property(opened, device, device_interface, "ActiveConnection", "o");
    return active.size() <= 1 ? "" : property(opened, active, active_interface, "Id", "s");
}

}  // namespace understudy::doctor
