// The examples of RFC 6724, section 10.2.
#include "checks/probes/destination_order.hpp"

#include <gmock/gmock.h>

#include <string>
#include <utility>

namespace understudy::checks {
namespace {

using testing::ElementsAre;

// Destinations with the source that the host has for each; an empty one: no route.
std::vector<std::string> sorted(const std::vector<std::pair<std::string, std::string>>& pairs) {
    std::vector<Destination> destinations;
    for (const auto& [to, from] : pairs) {
        Destination destination{boost::asio::ip::make_address(to), !from.empty(), {}};
        if (destination.has_route) {
            destination.source = boost::asio::ip::make_address(from);
        }
        destinations.push_back(destination);
    }
    sort_destinations(destinations);
    std::vector<std::string> result;
    for (const Destination& each : destinations) {
        result.push_back(each.address.to_string());
    }
    return result;
}

TEST(DestinationOrder, prefers_matching_scope) {
    EXPECT_THAT(sorted({{"198.51.100.121", "169.254.13.78"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
                ElementsAre("2001:db8:1::1", "198.51.100.121"));
    EXPECT_THAT(sorted({{"2001:db8:1::1", "fe80::1"}, {"198.51.100.121", "198.51.100.117"}}),
                ElementsAre("198.51.100.121", "2001:db8:1::1"));
}

TEST(DestinationOrder, prefers_higher_precedence) {
    EXPECT_THAT(sorted({{"10.1.2.3", "10.1.2.4"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
                ElementsAre("2001:db8:1::1", "10.1.2.3"));
}

TEST(DestinationOrder, prefers_smaller_scope) {
    EXPECT_THAT(sorted({{"2001:db8:1::1", "2001:db8:1::2"}, {"fe80::1", "fe80::2"}}),
                ElementsAre("fe80::1", "2001:db8:1::1"));
}

TEST(DestinationOrder, prefers_matching_label) {
    EXPECT_THAT(sorted({{"2001:db8:1::1", "2002:c633:6401::2"},
                        {"2002:c633:6401::1", "2002:c633:6401::2"}}),
                ElementsAre("2002:c633:6401::1", "2001:db8:1::1"));
    EXPECT_THAT(
        sorted({{"2002:c633:6401::1", "2002:c633:6401::2"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
        ElementsAre("2001:db8:1::1", "2002:c633:6401::1"));
}

TEST(DestinationOrder, prefers_longer_matching_prefix) {
    EXPECT_THAT(sorted({{"2001:db8:3ffe::1", "2001:db8:1::2"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
                ElementsAre("2001:db8:1::1", "2001:db8:3ffe::1"));
}

TEST(DestinationOrder, what_has_no_route_is_last) {
    EXPECT_THAT(sorted({{"2001:db8:1::1", ""}, {"192.0.2.1", "192.0.2.2"}}),
                ElementsAre("192.0.2.1", "2001:db8:1::1"));
}

// The name server may have turned them round on purpose.
TEST(DestinationOrder, leaves_equal_ones_as_they_are) {
    EXPECT_THAT(sorted({{"192.0.2.200", "192.0.2.2"}, {"192.0.2.3", "192.0.2.2"}}),
                ElementsAre("192.0.2.200", "192.0.2.3"));
}

}  // namespace
}  // namespace understudy::checks
