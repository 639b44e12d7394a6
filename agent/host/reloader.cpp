#include "agent/host/reloader.hpp"

#include <pwd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "agent/config/file_access.hpp"
#include "agent/config/lost_routes.hpp"
#include "agent/core/reload.hpp"
#include "agent/host/host_network.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/runner.hpp"

namespace understudy::host {

struct Reloader::Handover {
    std::shared_ptr<const core::Configuration> running;
    Reloaded result;
};

Reloader::Reloader(boost::asio::io_context& io, std::filesystem::path file, bool changes_user,
                   RuleKeeper* rules, Running running, Done done)
    : io_(io),
      file_(std::move(file)),
      changes_user_(changes_user),
      rules_(rules),
      running_(std::move(running)),
      done_(std::move(done)) {}

Reloader::~Reloader() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Reloader::ask(std::optional<core::ClientId> asker) {
    auto& askers = is_under_way() ? next_askers_ : askers_;
    if (asker) {
        askers.push_back(*asker);
    }
    if (is_under_way()) {
        again_ = true;
    } else {
        start();
    }
}

void Reloader::start() {
    auto handover = std::make_shared<Handover>();
    handover->running = running_();
    // Not put behind everybody else: for a moment it holds what the heartbeat may wait for.
    const auto work = [this, handover] {
        handover->result = read(*handover->running);
        boost::asio::post(io_, [this, handover] { take(handover); });
    };
    try {
        thread_ = std::thread(work);
    } catch (const std::system_error& error) {
        handover->result.problems.push_back(
            {{file_.string(), 1, 1},
             std::string{"cannot start a thread to read it: "} + error.code().message(),
             config::Severity::error});
        boost::asio::post(io_, [this, handover] { take(handover); });
    }
}

void Reloader::take(const std::shared_ptr<Handover>& handover) {
    if (thread_.joinable()) {
        thread_.join();  // it has nothing left to do
    }
    const std::vector<core::ClientId> askers = std::exchange(askers_, std::move(next_askers_));
    next_askers_.clear();
    done_(std::move(handover->result), askers);
    if (std::exchange(again_, false)) {
        start();
    }
}

// In the thread.
Reloaded Reloader::read(const core::Configuration& running) const {
    config::Result read = config::read_file(file_);
    config::check_file_access(read);
    Reloaded result;
    result.problems = std::move(read.diagnostics);
    const auto refuse = [&](const std::string& why) {
        result.problems.push_back({{file_.string(), 1, 1}, why, config::Severity::error});
        return std::move(result);
    };
    if (!read.configuration) {
        return result;
    }
    std::ranges::move(config::remarks(running, read), std::back_inserter(result.problems));
    const auto next = std::make_shared<core::Configuration>(std::move(*read.configuration));
    result.difference = config::difference(running, *next);
    next->agent.record = running.agent.record;  // a journal tells a whole life
    const std::string& user = next->agent.script_user;
    try {
        if (user != running.agent.script_user && !user_exists(user)) {
            return refuse("script_user = " + user + ": there is no such user");
        }
    } catch (const std::runtime_error& error) {
        return refuse(error.what());
    }
    if (const std::string missing = missing_right_for(*next, changes_user_); !missing.empty()) {
        return refuse(missing);
    }
    std::string error;
    result.text = text_for_runner(*next, error);
    if (!error.empty()) {
        return refuse(error);
    }
    if (const auto account = account_of_prober(user); account && changes_user_) {
        result.prober_user = account->uid;
    }
    if (rules_ != nullptr) {
        result.rules_trouble = rules_->update(*next);
    }
    result.lost_routes = config::lost_routes(running, *next, read_host_network());
    result.change = core::change_of(running, next);
    return result;
}

}  // namespace understudy::host
