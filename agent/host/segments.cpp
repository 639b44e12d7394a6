#include "agent/host/segments.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <map>
#include <optional>

#include "base/system_error.hpp"

namespace understudy::host {

namespace {

constexpr std::string_view prefix = "events-";
constexpr std::string_view suffix = ".jsonl";

// Padded, so that a shell lists them in their order.
std::string name_of(unsigned number) {
    return fmt::format("{}{:06}{}", prefix, number, suffix);
}

std::optional<unsigned> number_of(std::string_view name) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) {
        return std::nullopt;
    }
    unsigned number = 0;
    const auto [end, error] = std::from_chars(name.data() + prefix.size(),
                                              name.data() + name.size() - suffix.size(), number);
    return error == std::errc{} && name == name_of(number) ? std::optional{number} : std::nullopt;
}

// By number, so the oldest first.
std::map<unsigned, std::filesystem::path> files_in(const std::filesystem::path& dir) {
    std::map<unsigned, std::filesystem::path> files;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(dir, error), end; !error && entry != end;
         entry.increment(error)) {
        if (const auto number = number_of(entry->path().filename().string())) {
            files.emplace(*number, entry->path());
        }
    }
    return files;
}

}  // namespace

Segments::Segments(std::filesystem::path dir, std::string header, Limits limits)
    : dir_(std::move(dir)), header_(std::move(header)), limits_(limits) {}

std::string Segments::write(std::string_view line) {
    if (!has_room_for(line)) {
        if (std::string error = begin_file(); !error.empty()) {
            return error;
        }
    }
    return append(line);
}

std::string Segments::begin_with(std::string_view line) {
    if (header_.size() + line.size() > limits_.bytes / 4 * 3) {
        return "the state is too long";
    }
    std::string error = begin_file();
    return error.empty() ? append(line) : error;
}

std::string Segments::begin_file() {
    file_.reset();
    if (header_.size() > limits_.bytes / 2) {
        return "the configuration is too long";
    }
    auto files = files_in(dir_);
    const unsigned number = files.empty() ? 1 : files.rbegin()->first + 1;
    while (files.size() >= limits_.files) {
        std::error_code error;
        std::filesystem::remove(files.begin()->second, error);
        if (error) {
            return "cannot remove " + files.begin()->second.string() + ": " + error.message();
        }
        files.erase(files.begin());
    }
    const auto path = dir_ / name_of(number);
    file_ = FileDescriptor{
        open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file_.is_open()) {
        return system_error_text("cannot create " + path.string());
    }
    written_ = 0;
    ++begun_;
    return append(header_);
}

std::string Segments::append(std::string_view line) {
    buffer_.assign(line);
    buffer_ += '\n';
    const ssize_t size = ::write(file_.get(), buffer_.data(), buffer_.size());
    if (size == static_cast<ssize_t>(buffer_.size())) {
        written_ += buffer_.size();
        return {};
    }
    const int error = size < 0 ? errno : ENOSPC;  // a part of it was written
    // A reader stops at half a line.
    if (size > 0 && ftruncate(file_.get(), static_cast<off_t>(written_)) < 0) {
        file_.reset();
    }
    if (written_ == 0) {
        file_.reset();  // without its header the file is of no use
    }
    return system_error_text("cannot write", error);
}

}  // namespace understudy::host
