#include "agent/config/numbered.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <utility>

#include "agent/config/parse.hpp"

namespace understudy::config {

namespace {

std::string content_of(int file) {
    std::string text;
    std::array<char, 65536> part{};
    for (;;) {
        const ssize_t size = pread(file, part.data(), part.size(), static_cast<off_t>(text.size()));
        if (size <= 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(size));
    }
}

}  // namespace

std::optional<Numbered> read_numbered(int file, std::uint32_t number) {
    const std::string text = content_of(file);
    const auto end = std::min(text.find('\0'), text.size());
    Result read = parse_text("config", text.substr(0, end), "");
    if (!read.configuration) {
        return std::nullopt;
    }
    std::istringstream numbers(text.substr(std::min(end + 1, text.size())));
    Numbered numbered;
    numbered.agent = std::move(read.configuration->agent);
    numbered.configuration = number;
    std::uint32_t next = 0;
    for (checks::CheckSettings& check : read.configuration->checks) {
        numbers >> next;
        numbered.checks.emplace(next, std::move(check));
    }
    for (core::ServiceSettings& service : read.configuration->services) {
        numbers >> next;
        numbered.services.emplace(next, std::move(service));
    }
    if (!numbers) {
        return std::nullopt;
    }
    return numbered;
}

}  // namespace understudy::config
