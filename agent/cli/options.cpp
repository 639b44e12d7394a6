#include "agent/cli/options.hpp"

#include <algorithm>
#include <array>

#include "agent/config/values.hpp"
#include "agent/control/messages.hpp"
#include "base/ensure.hpp"
#include "base/overloaded.hpp"

namespace understudy::cli {

namespace {

const auto forms = std::to_array<OptionForm>({
    {"all", "", 0, &Arguments::all},
    {"config", "FILE", 0, &Arguments::config},
    {"follow", "", 0, &Arguments::follow},
    {"for", "TIME", 0,
     TimeTarget{&Arguments::expiry, control::shortest_maintenance, control::longest_maintenance,
                "1s to 366 days (8784h)"}},
    {"force", "", 0, &Arguments::force},
    {"host", "NAME", 0, &Arguments::hosts},
    {"id", "ID", 'i', &Arguments::id},
    {"json", "", 0, &Arguments::json},
    {"listen", "ADDR:PORT", 0, &Arguments::listen},
    {"openmetrics", "", 0, &Arguments::openmetrics},
    {"output", "FILE", 0, &Arguments::output},
    {"peer", "URL", 0, &Arguments::peers},
    {"quiet", "", 0, &Arguments::quiet},
    {"this-node", "", 0, &Arguments::this_node},
    {"timeout", "TIME", 0,
     TimeTarget{&Arguments::timeout, control::shortest_failover_timeout,
                control::longest_failover_timeout, "1ms to 24h"}},
    {"watch", "", 0, &Arguments::watch},
});

std::expected<Duration, std::string> read_time(const OptionForm& option, const TimeTarget& target,
                                               const std::string& text) {
    const std::string dashed = "--" + std::string{option.name};
    const auto duration = config::parse_duration(text);
    if (!duration) {
        return std::unexpected(dashed + ": " + duration.error());
    }
    if (*duration < target.least || *duration > target.most) {
        return std::unexpected(dashed + ": \"" + text + "\" is not from " +
                               std::string{target.range});
    }
    return *duration;
}

}  // namespace

std::string OptionForm::written() const {
    std::string text = "--" + std::string{name};
    if (!value.empty()) {
        text += ' ' + std::string{value};
    }
    return text;
}

std::span<const OptionForm> option_forms() {
    return forms;
}

const OptionForm& option_form(std::string_view name) {
    const auto found = std::ranges::find(forms, name, &OptionForm::name);
    ensure(found != forms.end(), "an option of the command table is in the option table");
    return *found;
}

std::expected<void, std::string> set_option(const OptionForm& option, Arguments& arguments,
                                            const std::vector<std::string>& values) {
    using Done = std::expected<void, std::string>;
    return std::visit(Overloaded{
                          [&](bool Arguments::* member) -> Done {
                              arguments.*member = true;
                              return {};
                          },
                          [&](std::string Arguments::* member) -> Done {
                              arguments.*member = values.front();
                              return {};
                          },
                          [&](std::vector<std::string> Arguments::* member) -> Done {
                              arguments.*member = values;
                              return {};
                          },
                          [&](const TimeTarget& target) -> Done {
                              const auto time = read_time(option, target, values.front());
                              if (!time) {
                                  return std::unexpected(time.error());
                              }
                              std::visit([&](auto member) { arguments.*member = *time; },
                                         target.member);
                              return {};
                          },
                      },
                      option.target);
}

}  // namespace understudy::cli
