// The command of a vrrp_script, as the check that asks the same.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace understudy::importer {

struct ScriptCheck {
    std::string type;
    std::vector<std::pair<std::string, std::string>> keys;
    std::string remark;     // what is different; may be empty
    bool is_guess = false;  // somebody has to look at it
};

// `words` as they were written; one word may be a whole command line.
ScriptCheck check_of_script(const std::vector<std::string>& words);

// The words of a command that keepalived would run. It runs the program itself, without a shell.
struct Command {
    std::vector<std::string> words;
    std::string remark;
    bool is_guess = false;
};
Command command_of(const std::vector<std::string>& words);

}  // namespace understudy::importer
