// An attempt whose outcome is known at once, and told from the loop all the same.
#pragma once

#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <utility>

#include "checks/processes/attempt.hpp"

namespace understudy::checks {

class Immediate : public Attempt {
public:
    Immediate(boost::asio::io_context& context, Outcome outcome, Finish finish)
        : finish_(std::make_shared<Finish>(std::move(finish))) {
        boost::asio::post(
            context, [weak = std::weak_ptr<Finish>(finish_), told = std::move(outcome)]() mutable {
                if (const auto finish_now = weak.lock()) {
                    (*finish_now)(std::move(told));
                }
            });
    }
    std::string progress() const override { return "about to tell"; }

private:
    std::shared_ptr<Finish> finish_;  // gone with the attempt
};

}  // namespace understudy::checks
