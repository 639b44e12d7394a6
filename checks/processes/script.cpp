#include "checks/processes/script.hpp"

#include <cstring>
#include <utility>

#include "checks/processes/command.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

std::string first_line(const std::string& output) {
    const std::string line = output.substr(0, output.find('\n'));
    return line.empty() ? "" : ": " + printable(line, 200);
}

std::string words_for(const CommandResult& result) {
    if (!result.error.empty()) {
        return result.error;
    }
    if (result.signal != 0) {
        return std::string{"killed by signal "} + std::to_string(result.signal) + " (" +
               strsignal(result.signal) + ')' + first_line(result.output);
    }
    return "exit status " + std::to_string(result.exit_code) + first_line(result.output);
}

class ScriptAttempt : public Attempt {
public:
    ScriptAttempt(boost::asio::io_context& context, const CommandSpec& spec, Finish finish)
        : finish_(std::move(finish)),
          command_(context, spec, [this](const CommandResult& result) { ended(result); }) {}

    std::string progress() const override { return "it still runs"; }
    bool expire() override {
        command_.expire();
        return true;
    }

private:
    void ended(const CommandResult& result) {
        Outcome outcome;
        outcome.passed = result.error.empty() && result.exit_code == 0;
        outcome.detail = words_for(result);
        outcome.output = result.output;
        const Finish done = std::move(finish_);
        done(std::move(outcome));
    }

    Finish finish_;
    Command command_;
};

}  // namespace

std::unique_ptr<Attempt> start_script(boost::asio::io_context& context, const Script& script,
                                      const std::string& default_user, Finish finish) {
    const CommandSpec spec{script.command, script.user.empty() ? default_user : script.user,
                           Tree::killed};
    return std::make_unique<ScriptAttempt>(context, spec, std::move(finish));
}

}  // namespace understudy::checks
