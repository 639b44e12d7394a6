// The command of a vrrp_script, as the check that asks the same.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace understudy::importer {

struct ScriptCheck {
    std::string type;
    std::vector<std::pair<std::string, std::string>> keys;
    std::string remark;  // what is different; may be empty
};

// `words` as they were written; one word may be a whole command line.
ScriptCheck check_of_script(const std::vector<std::string>& words);

// The words of a command that keepalived would run: with /bin/sh where it needs one.
struct Command {
    std::vector<std::string> words;
    bool needs_shell = false;
};
Command command_of(const std::vector<std::string>& words);

}  // namespace understudy::importer
