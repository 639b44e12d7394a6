// A command that needs no agent, run in the test's own process with a directory of its own.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/commands.hpp"
#include "tests/unit/cli/fake_agent.hpp"

namespace understudy::cli {

class OfflineCommand : public testing::Test {
protected:
    std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
    // The path of a new file.
    std::string file(const std::string& name, std::string_view text) const {
        std::ofstream(path(name)) << text;
        return path(name);
    }
    int execute(Arguments arguments, const std::string& command,
                const std::vector<std::string>& operands) {
        out_.str("");
        err_.str("");
        arguments.command = command;
        arguments.operands = operands;
        const Console console{out_, err_};
        return run(arguments, console);
    }
    // Of the last run.
    std::string out() const { return out_.str(); }
    std::string err() const { return err_.str(); }

private:
    TemporaryDirectory directory_;
    std::ostringstream out_;
    std::ostringstream err_;
};

}  // namespace understudy::cli
