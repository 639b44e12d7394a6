// A router and its clock.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "vrrp/router.hpp"

namespace understudy::vrrp {

using namespace std::chrono_literals;

class RouterTest : public testing::Test {
protected:
    Router& router(Priority priority = 100, RouterSettings settings = {}) {
        router_.emplace(settings, Standing{priority, true});
        return *router_;
    }
    // What the router does, as a line: "S100" an advert, "take", "release", "announce", ">backup" …
    // What an advertisement waits for is in `waits`.
    std::string feed(const Event& event) {
        Actions actions;
        router_->handle(now, event, actions);
        std::string line;
        waits.clear();
        for (const Action& action : actions) {
            line += line.empty() ? "" : " ";
            if (const auto* advert = std::get_if<SendAdvert>(&action)) {
                line += "S" + std::to_string(advert->priority);
                waits.push_back(advert->after);
            } else if (std::holds_alternative<TakeAddresses>(action)) {
                line += "take";
            } else if (std::holds_alternative<ReleaseAddresses>(action)) {
                line += "release";
            } else if (std::holds_alternative<AnnounceAddresses>(action)) {
                line += "announce";
            } else {
                constexpr const char* names[] = {">initialize", ">backup", ">active"};
                cause = std::get<Transition>(action).cause;
                line += names[static_cast<int>(std::get<Transition>(action).to)];
            }
        }
        return line;
    }
    static Advert advert(int priority, const char* source = "192.0.2.2", Duration interval = 1s) {
        return {*IpAddress::parse(source), static_cast<Priority>(priority), interval,
                *IpAddress::parse("192.0.2.5"), true};
    }
    Duration left() const { return *router_->next_deadline() - now; }
    std::string wait(Duration duration) {
        now += duration;
        return feed(TimePassed{});
    }
    void become_active(Priority priority = 100, RouterSettings settings = {}) {
        router(priority, settings);
        feed(Startup{});
        wait(left());
        ASSERT_EQ(router_->state(), State::active);
    }

    TimePoint now{1000s};
    std::vector<After> waits;
    std::optional<Router> router_;
    Cause cause = Cause::started;
};

}  // namespace understudy::vrrp
