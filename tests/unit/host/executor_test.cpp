// When actions are carried out, on a real interface in a network namespace of each test's own.
#include "agent/host/executor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "agent/host/boot_clock.hpp"
#include "agent/host/packet_sockets.hpp"
#include "tests/unit/host/cable.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;

// An executor with a loop of its own, on one end of a cable.
class ExecutorTest : public testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        ASSERT_TRUE(make_cable());
        index_ = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
        cable_ = arp_at_v1();
        ASSERT_TRUE(cable_.is_open());
        worker_.emplace(io_);
        packet_ = open_packet_sockets({});
        sockets_.emplace(packet_.owners.get());
        executor_.emplace(*sockets_, packet_.frames.get(), *worker_, listeners());
    }
    Executor::Listeners listeners() {
        return {.events =
                    [this](const core::Event& event) {
                        if (const auto* refused = std::get_if<core::AddressRefused>(&event)) {
                            refused_.push_back(refused->prefix);
                        }
                        if (on_event_) {
                            on_event_();
                        }
                    },
                .others =
                    [this](std::span<const core::Action> actions) {
                        others_.insert(others_.end(), actions.begin(), actions.end());
                    },
                .catch_up =
                    [this] {
                        if (catch_up_) {
                            catch_up_();
                        }
                    },
                .advertised = [](const core::SendAdvert&, std::span<const std::byte>) {},
                .announced = [](std::span<const core::Announce>) {},
                .step = [](const char*) {}};
    }
    void TearDown() override {
        free_worker();
        executor_.reset();
    }

    // The worker does nothing until free_worker().
    void keep_worker_busy() {
        worker_->run([kept = kept_.get_future()]() mutable {
            kept.wait();
            return KernelWorker::Done{};
        });
    }
    void free_worker() {
        if (!std::exchange(freed_, true)) {
            kept_.set_value();
        }
    }
    // Until everything is done that was asked for.
    void finish() {
        bool finished = false;
        worker_->run([&] { return [&] { finished = true; }; });
        const TimePoint until = boot_now() + 10s;
        while (!finished && boot_now() < until) {
            io_.restart();
            io_.run_one_for(10ms);
        }
        ASSERT_TRUE(finished);
        while (executor_->go_on()) {
        }
    }
    std::size_t announced() { return arrived(cable_.get()); }
    core::AddAddress add() const { return {index_, vip_prefix, 10s}; }
    core::Announce announcement() const {
        return {index_, MacAddress{{2, 0, 0, 0, 0, 1}}, vip_prefix.address};
    }

    core::InterfaceIndex index_ = 0;
    FileDescriptor cable_;
    boost::asio::io_context io_;
    std::promise<void> kept_;
    bool freed_ = false;
    std::optional<KernelWorker> worker_;
    PacketSockets packet_;
    std::optional<VrrpSockets> sockets_;
    std::function<void()> on_event_;
    std::function<void()> catch_up_;
    std::vector<IpPrefix> refused_;
    std::vector<core::Action> others_;
    std::optional<Executor> executor_;
};

TEST_F(ExecutorTest, NothingIsAnnouncedAfterItsRelease) {
    core::Outbox take;
    core::Outbox give;
    for (int i = 0; i < 1000; ++i) {
        const auto address = IpAddress::v4(10, 0, static_cast<std::uint8_t>(i / 250),
                                           static_cast<std::uint8_t>(i % 250 + 1));
        const IpPrefix prefix{address, 32};
        take.actions.emplace_back(core::AddAddress{index_, prefix, 10s});
        take.actions.emplace_back(core::Announce{index_, MacAddress{{2, 0, 0, 0, 0, 1}}, address});
        give.actions.emplace_back(core::RemoveAddress{index_, prefix});
    }
    executor_->execute(take);
    // The first portion only.
    const TimePoint until = boot_now() + 10s;
    while (announced() == 0 && boot_now() < until) {
        io_.restart();
        io_.run_one_for(10ms);
    }
    executor_->execute(give);
    announced();
    finish();
    EXPECT_EQ(announced(), 0U);

    executor_->execute(take);
    finish();
    EXPECT_EQ(announced(), 1000U);
}

TEST_F(ExecutorTest, an_address_is_announced_when_it_is_there) {
    keep_worker_busy();
    core::Outbox outbox;
    outbox.actions.emplace_back(add());
    outbox.actions.emplace_back(announcement());
    executor_->execute(outbox);
    while (executor_->go_on()) {
    }
    EXPECT_EQ(announced(), 0U);
    EXPECT_FALSE(holds_the_vip());
    free_worker();
    finish();
    EXPECT_TRUE(holds_the_vip());
    EXPECT_EQ(announced(), 1U);
}

// A client that hears of it finds the address there; its end is published after it is gone.
TEST_F(ExecutorTest, what_is_told_waits_for_the_addresses) {
    keep_worker_busy();
    core::Outbox outbox;
    outbox.actions.emplace_back(add());
    outbox.actions.emplace_back(core::Publish{});
    outbox.actions.emplace_back(core::Log{core::LogLevel::info, "at once"});
    executor_->execute(outbox);
    EXPECT_EQ(others_.size(), 1U);
    core::Outbox end;
    end.actions.emplace_back(core::Exit{});
    executor_->execute(end);
    EXPECT_EQ(others_.size(), 1U);
    free_worker();
    finish();
    ASSERT_EQ(others_.size(), 3U);
    EXPECT_TRUE(std::holds_alternative<core::Exit>(others_.back()));
}

TEST_F(ExecutorTest, an_unrelated_answer_waits_for_nothing) {
    keep_worker_busy();
    core::Outbox take;
    take.actions.emplace_back(add());
    executor_->execute(take);
    core::Outbox answer;
    answer.actions.emplace_back(core::Reply{});
    executor_->execute(answer);
    EXPECT_EQ(others_.size(), 1U);
}

// While the kernel is slow the Node asks again, every second.
TEST_F(ExecutorTest, what_is_under_way_is_not_asked_for_twice) {
    keep_worker_busy();
    core::Outbox take;
    take.actions.emplace_back(add());
    executor_->execute(take);
    executor_->execute(take);
    free_worker();
    finish();
    EXPECT_THAT(refused_, testing::IsEmpty());
    EXPECT_TRUE(holds_the_vip());
}

TEST_F(ExecutorTest, a_refused_address_is_reported_before_it_would_be_announced) {
    ASSERT_TRUE(ip("address add " + vip_prefix.to_string() + " dev v0"));
    std::size_t before = 99;
    on_event_ = [&] { before = announced(); };
    core::Outbox outbox;
    outbox.actions.emplace_back(add());
    outbox.actions.emplace_back(announcement());
    executor_->execute(outbox);
    finish();
    EXPECT_EQ(refused_, std::vector{vip_prefix});
    EXPECT_EQ(before, 0U);
}

// A process that is stopped in the midst of it, and continued when others have the address.
TEST_F(ExecutorTest, WhatWasDecidedBeforeAPauseIsLookedAtBeforeItIsAnnounced) {
    core::Outbox give;
    give.actions.emplace_back(core::RemoveAddress{index_, vip_prefix});
    int looked = 0;
    catch_up_ = [&] {
        ++looked;
        executor_->execute(give);
    };
    core::Outbox outbox;
    outbox.actions.emplace_back(add());
    outbox.actions.emplace_back(announcement());
    executor_->execute(outbox);
    std::this_thread::sleep_for(150ms);
    finish();
    finish();
    EXPECT_EQ(looked, 1);
    EXPECT_EQ(announced(), 0U);
    EXPECT_FALSE(holds_the_vip());
}

// The last advertisement and the end of the stop may fall into one event: the kernel would put a
// renewed address back, and nobody would be there to take it away.
TEST_F(ExecutorTest, WhatIsRemovedIsNotRenewedAfterwards) {
    core::Outbox take;
    take.actions.emplace_back(add());
    executor_->execute(take);
    finish();
    ASSERT_TRUE(holds_the_vip());
    core::Outbox give;
    give.actions.emplace_back(core::RenewAddress{index_, vip_prefix, 10s});
    give.actions.emplace_back(core::RemoveAddress{index_, vip_prefix});
    executor_->execute(give);
    finish();
    finish();
    EXPECT_FALSE(holds_the_vip());
}

TEST_F(ExecutorTest, a_renewal_that_waits_is_forgotten_with_its_address) {
    core::Outbox take;
    take.actions.emplace_back(add());
    executor_->execute(take);
    finish();
    keep_worker_busy();
    core::Outbox renew;
    renew.actions.emplace_back(core::RenewAddress{index_, vip_prefix, 10s});
    executor_->execute(renew);
    core::Outbox give;
    give.actions.emplace_back(core::RemoveAddress{index_, vip_prefix});
    executor_->execute(give);
    free_worker();
    finish();
    finish();
    EXPECT_FALSE(holds_the_vip());
}

}  // namespace
}  // namespace understudy::host
