// hosts(5): what names stand for, as far as a file says so. No name is looked up elsewhere.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/source.hpp"
#include "base/ip_address.hpp"

namespace understudy::config {

class HostsFile {
public:
    static constexpr const char* path = "/etc/hosts";

    // The file is read at the first look-up.
    explicit HostsFile(const Surroundings& surroundings) : surroundings_(surroundings) {}

    // Empty: the file does not have this name. Names are compared without regard to case.
    const std::vector<IpAddress>& addresses_of(std::string_view name);

private:
    void read();

    const Surroundings& surroundings_;
    std::optional<std::map<std::string, std::vector<IpAddress>>> names_;
};

}  // namespace understudy::config
