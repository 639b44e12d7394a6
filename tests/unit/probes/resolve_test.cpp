// Look-ups of addresses and names.
#include "checks/probes/resolve.hpp"

#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::HasSubstr;

class Resolve : public Probing {
protected:
    void start(const std::string& host, const std::optional<IpAddress>& source = {}) {
        lookup.start(host, source,
                     [this](const std::string& error, const Lookup::Addresses& addresses) {
                         ++calls;
                         error_ = error;
                         addresses_ = addresses;
                     });
    }
    bool is_done() {
        return run_until([this] { return calls > 0; });
    }

    Lookup lookup{context};
    int calls = 0;
    std::string error_;
    Lookup::Addresses addresses_;
};

// The resolver's thread could not have answered: the loop does not wait for anything.
TEST_F(Resolve, AnAddressNeedsNoLookUp) {
    start("192.0.2.1");
    EXPECT_EQ(calls, 0) << "not from the loop";
    context.poll();
    ASSERT_EQ(calls, 1);
    EXPECT_EQ(error_, "");
    ASSERT_EQ(addresses_.size(), 1U);
    EXPECT_EQ(without_zone(addresses_[0]), IpAddress::v4(192, 0, 2, 1));
}

TEST_F(Resolve, AnIpv6AddressKeepsItsZone) {
    start("fe80::1%lo");
    ASSERT_TRUE(is_done());
    ASSERT_EQ(addresses_.size(), 1U);
    EXPECT_EQ(addresses_[0].to_v6().scope_id(), 1U);
    EXPECT_EQ(without_zone(addresses_[0]), *IpAddress::parse("fe80::1"));
}

TEST_F(Resolve, ANameHasAddresses) {
    start("localhost");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(error_, "");
    ASSERT_FALSE(addresses_.empty());
    for (const auto& address : addresses_) {
        EXPECT_TRUE(address.is_loopback()) << address;
    }
}

TEST_F(Resolve, AnUnknownNameIsSaid) {
    start("no-such-host.invalid");
    ASSERT_TRUE(is_done());
    EXPECT_THAT(error_, HasSubstr("no-such-host.invalid: "));
    EXPECT_TRUE(addresses_.empty());
}

TEST_F(Resolve, OnlyAddressesOfTheSourcesFamilyCount) {
    start("192.0.2.1", *IpAddress::parse("::1"));
    ASSERT_TRUE(is_done());
    EXPECT_EQ(error_, "192.0.2.1 has no address of the source's family");
}

TEST_F(Resolve, ALookupThatIsTakenBackTellsNothing) {
    int told = 0;
    const auto count = [&](const std::string&, const Lookup::Addresses&) { ++told; };
    for (const std::string host : {"192.0.2.1", "localhost"}) {
        auto other = std::make_unique<Lookup>(context);
        other->start(host, {}, count);
        other.reset();
        Lookup cancelled(context);
        cancelled.start(host, {}, count);
        cancelled.cancel();
    }
    // Behind the others in the resolver's thread: they are over when it is done.
    start("localhost");
    ASSERT_TRUE(is_done());
    EXPECT_EQ(told, 0);
}

TEST_F(Resolve, ItMayBeDestroyedFromItsOwnCall) {
    auto other = std::make_unique<Lookup>(context);
    other->start("192.0.2.1", {},
                 [&](const std::string&, const Lookup::Addresses&) { other.reset(); });
    EXPECT_TRUE(run_until([&] { return other == nullptr; }));
}

}  // namespace
}  // namespace understudy::checks
