// The addresses of a host that are still to be tried, one after the other: RFC 8305, section 4.
#pragma once

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <optional>
#include <vector>

namespace understudy::checks {

// RFC 8305, section 5: how long one that has not answered is waited for before the next one is
// tried beside it.
inline constexpr auto connection_attempt_delay = std::chrono::milliseconds{250};

class AddressQueue {
public:
    // The best ones first; behind those that are there.
    void add(const std::vector<boost::asio::ip::address>& addresses) {
        addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
    }
    bool empty() const { return addresses_.empty(); }

    // The families take turns. There is one.
    boost::asio::ip::address take() {
        const auto is_other = [this](const boost::asio::ip::address& each) {
            return last_was_v4_ && each.is_v4() != *last_was_v4_;
        };
        auto place = std::ranges::find_if(addresses_, is_other);
        if (place == addresses_.end()) {
            place = addresses_.begin();
        }
        const boost::asio::ip::address taken = *place;
        addresses_.erase(place);
        last_was_v4_ = taken.is_v4();
        return taken;
    }

private:
    std::vector<boost::asio::ip::address> addresses_;
    std::optional<bool> last_was_v4_;
};

}  // namespace understudy::checks
