#include "checks/probes/name_servers.hpp"

#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cstring>

namespace understudy::checks {

namespace {

using boost::asio::ip::udp;

// The C library keeps IPv4 addresses in one list and IPv6 addresses in another, both by position.
udp::endpoint server_at(const struct __res_state& state, int place) {
    udp::endpoint server;
    if (const sockaddr_in6* v6 = state._u._ext.nsaddrs[place]; v6 != nullptr) {
        std::memcpy(server.data(), v6, sizeof *v6);
        server.resize(sizeof *v6);
    } else {
        std::memcpy(server.data(), &state.nsaddr_list[place], sizeof(sockaddr_in));
        server.resize(sizeof(sockaddr_in));
    }
    return server;
}

}  // namespace

NameServers system_name_servers() {
    NameServers found;
    struct __res_state state{};
    if (res_ninit(&state) != 0) {
        return found;
    }
    for (int i = 0; i < state.nscount; ++i) {
        found.servers.push_back(server_at(state, i));
    }
    for (char* const* domain = state.dnsrch; *domain != nullptr; ++domain) {
        found.search.emplace_back(*domain);
    }
    found.ndots = state.ndots;
    found.by_tcp = (state.options & RES_USEVC) != 0;
    found.by_edns = (state.options & RES_USE_EDNS0) != 0;
    res_nclose(&state);
    return found;
}

std::vector<std::string> candidates(const std::string& host, const NameServers& from) {
    if (host.ends_with('.')) {
        return {host};
    }
    std::vector<std::string> names;
    for (const std::string& domain : from.search) {
        // "search ." is the root: the name as it is.
        if (!domain.empty() && domain != ".") {
            names.push_back(host + '.' + domain);
        }
    }
    const bool as_it_is_first = static_cast<unsigned>(std::ranges::count(host, '.')) >= from.ndots;
    names.insert(as_it_is_first ? names.begin() : names.end(), host);
    return names;
}

}  // namespace understudy::checks
