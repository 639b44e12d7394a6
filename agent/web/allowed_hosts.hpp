// Which Host a request may name. A browser that is lured to evil.example can be made to send its
// requests here, by an answer of that name's server that points to this address (DNS rebinding),
// and the script of that page may read the answer. What such a request cannot hide is the name.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::web {

class AllowedHosts {
public:
    // `names`: beside the name of this machine.
    explicit AllowedHosts(const std::vector<std::string>& names);

    // `host` as in the header, with a port or without; `local_address` is the end of the connection
    // that is here, as a number.
    bool allow(std::string_view host, const std::string& local_address) const;

private:
    std::set<std::string> names_;  // in lower case
};

// Empty, or what is wrong with a name given by --host.
std::string complaint_about_host(const std::string& name);

}  // namespace understudy::web
