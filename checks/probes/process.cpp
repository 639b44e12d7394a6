#include "checks/probes/process.hpp"

#include <dirent.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "checks/probes/small_file.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

constexpr std::size_t longest_comm = 15;  // what the kernel keeps of a name
constexpr std::size_t longest_start = 512;

struct Closer {
    void operator()(DIR* directory) const { closedir(directory); }
};

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && value > 0 ? std::optional{value} : std::nullopt;
}

std::string read_start(const std::string& path) {
    return read_small_file(path, longest_start).text;
}

// The name of a living process; nothing if there is none, or only what its parent has not buried.
std::optional<std::string> name_of(int pid) {
    // "123 (the name) S ...": the name may hold anything, also ") ".
    const std::string stat = read_start("/proc/" + std::to_string(pid) + "/stat");
    const auto open = stat.find('(');
    const auto close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size() ||
        stat[close + 2] == 'Z' || stat[close + 2] == 'X') {
        return std::nullopt;
    }
    return stat.substr(open + 1, close - open - 1);
}

bool is_named(int pid, const std::string& name) {
    const auto found = name_of(pid);
    return found && (name.empty() || *found == name.substr(0, longest_comm));
}

unsigned count_named(const std::string& name) {
    unsigned count = 0;
    const std::unique_ptr<DIR, Closer> proc{opendir("/proc")};
    while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
        const auto pid = number(entry->d_name);
        count += pid && is_named(*pid, name) ? 1U : 0U;
    }
    return count;
}

Outcome by_pid_file(const Process& process) {
    const SmallFile file = read_small_file(process.pid_file, longest_start);
    if (!file.is_regular) {
        return failure(file.error);
    }
    const std::string& text = file.text;
    const auto end = text.find_first_of(" \t\r\n");
    const auto pid = number(std::string_view{text}.substr(0, end));
    if (!pid) {
        return failure(process.pid_file +
                       (text.empty() ? " is missing or empty" : " does not hold a process number"));
    }
    const std::string name = "process " + std::to_string(*pid) + " of " + process.pid_file;
    if (!is_named(*pid, process.name)) {
        return failure(name_of(*pid) ? name + " is not " + process.name : name + " does not run");
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = name + " runs";
    return outcome;
}

Outcome look(const Process& process) {
    if (!process.pid_file.empty()) {
        return by_pid_file(process);
    }
    const unsigned count = count_named(process.name);
    Outcome outcome;
    outcome.passed = count >= process.min_count;
    outcome.detail = (count == 0 ? "no" : std::to_string(count)) +
                     std::string{count == 1 ? " process " : " processes "} + process.name +
                     (outcome.passed || process.min_count == 1
                          ? ""
                          : ", " + std::to_string(process.min_count) + " are asked for");
    return outcome;
}

}  // namespace

std::unique_ptr<Attempt> start_process(FileThreads& threads, const Process& process,
                                       Finish finish) {
    return threads.start(
        &process, process.pid_file.empty() ? "/proc" : process.pid_file,
        [process] { return look(process); }, std::move(finish));
}

}  // namespace understudy::checks
