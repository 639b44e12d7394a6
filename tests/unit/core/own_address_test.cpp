// The node's own address, which advertisements are sent from, comes and goes.
#include <gmock/gmock.h>

#include "agent/core/vip.hpp"
#include "tests/sim/virtual_lan.hpp"

namespace understudy {
namespace {

using namespace std::chrono_literals;
using sim::VirtualHost;
using sim::VirtualLan;
using sim::web;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string vip = "192.0.2.10/24";
const std::string own = "192.0.2.1/24";
constexpr Duration moment = 20ms;

class OwnAddress : public testing::Test {
protected:
    // lb1 with 150 is active, lb2 with 100 waits; advertisements every second.
    void SetUp() override {
        lb1.start(web(150));
        lb2.start(web(100));
        ASSERT_TRUE(lan.run_until([&] { return lb1.state() == "active"; }, 20s));
        lan.run_for(5s + 300ms);
        lan.adverts.clear();
        lan.announced.clear();
        events = lb1.events().size();
    }
    // The kernel takes what is in its IPv4 network with it.
    void lose_own_address() { lb1.delete_by_hand(own); }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");
    std::size_t events = 0;
};

TEST_F(OwnAddress, away_for_a_moment_moves_nothing) {
    int added = 0;
    lb1.recorder = [&](TimePoint, const core::Event&, const core::Outbox& out) {
        for (const core::Action& action : out.actions) {
            added += std::holds_alternative<core::AddAddress>(action) ? 1 : 0;
        }
    };
    lose_own_address();
    lan.run_for(moment);
    EXPECT_EQ(added, 0) << "the own address has to be the first one";
    EXPECT_FALSE(lb1.holds(vip));
    EXPECT_THAT(lan.adverts, IsEmpty());
    lb1.add_by_hand(own);
    EXPECT_TRUE(lb1.holds(vip));
    EXPECT_FALSE(lan.announced.empty());
    lan.run_for(10s);
    EXPECT_EQ(lb1.events().size(), events);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_TRUE(lb1.holds(vip));
    EXPECT_FALSE(lb2.holds(vip));
}

TEST_F(OwnAddress, away_for_longer_is_a_fault_and_the_peer_does_not_wait_for_the_silence) {
    lose_own_address();
    lan.run_for(core::longest_source_wait);
    EXPECT_EQ(lb1.state(), "fault");
    EXPECT_THAT(lb1.why(), testing::Contains(HasSubstr("no IPv4 address to send from")));
    ASSERT_FALSE(lan.adverts.empty());
    EXPECT_EQ(lan.adverts.back().advert.priority, 0);
    // Skew_Time of lb2 is (256 - 100) / 256 of a second (RFC 9568 6.1).
    lan.run_for(610ms);
    EXPECT_EQ(lb2.state(), "active");
    lb1.add_by_hand(own);
    lan.run_for(5s);
    EXPECT_EQ(lb1.state(), "active");
}

TEST_F(OwnAddress, who_lost_the_election_meanwhile_takes_nothing) {
    lose_own_address();
    lb2.send(control::TakeoverRequest{"web", false});
    lan.run_for(moment);
    lb1.add_by_hand(own);
    EXPECT_FALSE(lb1.holds(vip));
    lan.run_for(5s);
    EXPECT_FALSE(lb1.holds(vip));
    EXPECT_EQ(lb2.state(), "active");
}

TEST_F(OwnAddress, a_standby_without_one_is_faulty_at_once) {
    lb2.delete_by_hand("192.0.2.2/24");
    EXPECT_EQ(lb2.state(), "fault");
    lb2.add_by_hand("192.0.2.2/24");
    EXPECT_EQ(lb2.state(), "backup");
}

// Found by the fuzzer of the core: active for good, and without the address.
TEST_F(OwnAddress, who_becomes_the_owner_meanwhile_takes_the_address_again) {
    core::Configuration excluded = web(150);
    excluded.vips.push_back(excluded.vips.front());
    excluded.vips.back().name = "mail";
    excluded.vips.back().vrid = 52;
    excluded.vips.back().addresses.front().prefix = *IpPrefix::parse(own);
    lb1.reload(excluded);
    EXPECT_FALSE(lb1.holds(vip)) << "nothing to send from";
    lb1.reload(web(255));
    EXPECT_TRUE(lb1.holds(vip));
    lan.run_for(10s);
    EXPECT_EQ(lb1.state(), "active");
    EXPECT_TRUE(lb1.holds(vip));
}

TEST_F(OwnAddress, a_stop_meanwhile_leaves_nothing) {
    lose_own_address();
    lb1.stop();
    lan.run_for(11s);
    EXPECT_TRUE(lb1.exited());
    EXPECT_EQ(lb1.held_count(), 0U);
    EXPECT_EQ(lb2.state(), "active");
}

// --- an owner: its own address is the virtual one (RFC 9568 1.6) ---------------------------------

// Found by the fuzzer of the core: it was added, and renewed as well.
TEST(AddressLedger, what_is_taken_again_while_it_goes_is_added) {
    const core::VipSettings settings = web(150).vips.front();
    const core::AddressSeen seen{.index = 2,
                                 .prefix = settings.addresses.front().prefix,
                                 .ours = true,
                                 .tentative = false,
                                 .age = {},
                                 .remaining = {}};
    const TimePoint now{1000s};
    core::KernelView kernel;
    kernel.seen(core::LinkSeen{2, settings.interface, true, {}});
    kernel.seen(now, seen);
    core::AddressLedger ledger(settings);
    core::Outbox out;
    ledger.observe_all(now, kernel, out);
    ledger.release(now, out);
    out.clear();
    ledger.take(now, out);
    ASSERT_EQ(out.actions.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<core::AddAddress>(out.actions.front()));
}

TEST(Owner, that_a_reload_makes_a_standby_keeps_the_address_of_the_machine) {
    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    core::Configuration owner = web(255);
    owner.vips.front().addresses.front().prefix = *IpPrefix::parse(own);
    core::Configuration standby = owner;
    standby.vips.front().priority = 100;
    lb1.start(owner);
    ASSERT_EQ(lb1.state(), "active");
    lb1.reload(standby);
    lan.run_for(10s);
    EXPECT_TRUE(lb1.holds(own));
    EXPECT_EQ(lb1.state(), "fault") << "nobody may take away what this agent did not put there";
    lb1.reload(owner);
    EXPECT_EQ(lb1.state(), "active");
}

// --- two nodes that each own an address and back up the other's (RFC 9568 4.2) -------------------

class TwoOwners : public testing::Test {
protected:
    static core::Configuration of(vrrp::Priority first, vrrp::Priority second) {
        core::Configuration configuration = web(first);
        configuration.vips.push_back(configuration.vips.front());
        set(configuration.vips[0], "first", 51, "192.0.2.1/24", first);
        set(configuration.vips[1], "second", 52, "192.0.2.2/24", second);
        return configuration;
    }
    void SetUp() override {
        lb1.start(of(255, 100));
        lb2.start(of(100, 255));
        lan.run_for(5s);
    }
    void expect_each_has_its_own() {
        EXPECT_EQ(lb1.state("first"), "active");
        EXPECT_EQ(lb1.state("second"), "backup");
        EXPECT_EQ(lb2.state("first"), "backup");
        EXPECT_EQ(lb2.state("second"), "active");
    }

    VirtualLan lan;
    VirtualHost& lb1 = lan.add("lb1");
    VirtualHost& lb2 = lan.add("lb2");

private:
    static void set(core::VipSettings& settings, const char* name, vrrp::Vrid vrid,
                    const char* prefix, vrrp::Priority priority) {
        settings.name = name;
        settings.vrid = vrid;
        settings.priority = priority;
        settings.addresses = {{*IpPrefix::parse(prefix), "eth0", true, false}};
    }
};

TEST_F(TwoOwners, back_each_other_up) {
    expect_each_has_its_own();
    lb2.cut(true);
    lb2.crash();
    ASSERT_TRUE(lan.run_until([&] { return lb1.holds("192.0.2.2/24"); }, 5s));
    EXPECT_EQ(lb1.state("second"), "active");
    lan.adverts.clear();
    lan.run_for(10s);
    for (const sim::SentAdvert& advert : lan.adverts) {
        EXPECT_EQ(advert.source, IpAddress::v4(192, 0, 2, 1)) << "what it took is never a source";
    }
    lb2.cut(false);
    lb2.start(of(100, 255));
    lan.run_for(5s);
    expect_each_has_its_own();
    EXPECT_FALSE(lb1.holds("192.0.2.2/24"));
}

TEST_F(TwoOwners, a_reload_says_whether_an_address_is_owned) {
    lb1.reload(of(100, 100));
    EXPECT_EQ(lb1.state("second"), "fault");
    EXPECT_THAT(lb1.why("second"), testing::Contains(HasSubstr("no IPv4 address to send from")));
    lb1.reload(of(255, 100));
    lan.run_for(5s);
    expect_each_has_its_own();
}

}  // namespace
}  // namespace understudy
