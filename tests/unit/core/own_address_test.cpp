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

TEST_F(OwnAddress, a_stop_meanwhile_leaves_nothing) {
    lose_own_address();
    lb1.stop();
    lan.run_for(11s);
    EXPECT_TRUE(lb1.exited());
    EXPECT_EQ(lb1.held_count(), 0U);
    EXPECT_EQ(lb2.state(), "active");
}

// --- an owner: its own address is the virtual one (RFC 9568 1.6) ---------------------------------

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

}  // namespace
}  // namespace understudy
