#include "checks/probes/file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "checks/probes/small_file.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

constexpr int most_weight = 253;
constexpr std::size_t longest_number = 64;  // with the blanks around it

Duration age_of(const struct stat& status) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return std::chrono::seconds{now.tv_sec - status.st_mtim.tv_sec} +
           std::chrono::duration_cast<Duration>(
               std::chrono::nanoseconds{now.tv_nsec - status.st_mtim.tv_nsec});
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    const auto last = text.find_last_not_of(blanks);
    return first == std::string_view::npos ? "" : text.substr(first, last - first + 1);
}

Outcome read_weight(const std::string& path) {
    const SmallFile file = read_small_file(path, longest_number);
    if (!file.error.empty()) {
        return failure(file.error);
    }
    const std::string_view text = trimmed(file.text);
    int weight = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), weight);
    const bool fits = bad == std::errc{} && end == text.data() + text.size() &&
                      weight >= -most_weight && weight <= most_weight;
    if (!fits) {
        return failure(path + ": \"" + printable(text, 60) +
                       "\" is not a whole number from -253 to 253");
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.weight = weight;
    outcome.detail = path + ": " + std::to_string(weight);
    return outcome;
}

Outcome look(const File& file) {
    struct stat status{};
    if (stat(file.path.c_str(), &status) != 0) {
        return failure(file.path + ": " + std::strerror(errno));
    }
    const Duration age = age_of(status);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(age).count();
    if (file.max_age && age > *file.max_age) {
        return failure(file.path + " is " + std::to_string(seconds) + " s old");
    }
    if (file.value_as_weight) {
        return read_weight(file.path);
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = file.path + " is there, " + std::to_string(seconds) + " s old";
    return outcome;
}

}  // namespace

std::unique_ptr<Attempt> start_file(FileThreads& threads, const File& file, Finish finish) {
    return threads.start(&file, file.path, [file] { return look(file); }, std::move(finish));
}

}  // namespace understudy::checks
