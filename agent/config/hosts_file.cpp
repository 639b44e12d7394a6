#include "agent/config/hosts_file.hpp"

#include <algorithm>
#include <sstream>

namespace understudy::config {

namespace {

std::string in_lower_case(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

}  // namespace

const std::vector<IpAddress>& HostsFile::addresses_of(std::string_view name) {
    static const std::vector<IpAddress> none;
    if (!names_) {
        read();
    }
    if (name.ends_with('.')) {  // the root's label, which a file of hosts does not have
        name.remove_suffix(1);
    }
    const auto found = names_->find(in_lower_case(name));
    return found == names_->end() ? none : found->second;
}

void HostsFile::read() {
    names_.emplace();
    std::string error;
    const auto text = surroundings_.read ? surroundings_.read(path, error) : std::nullopt;
    std::istringstream lines{text.value_or("")};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line.substr(0, line.find('#'))};
        std::string word;
        words >> word;
        const auto address = IpAddress::parse(word.substr(0, word.find('%')));
        while (address && words >> word) {
            (*names_)[in_lower_case(word)].push_back(*address);
        }
    }
}

}  // namespace understudy::config
