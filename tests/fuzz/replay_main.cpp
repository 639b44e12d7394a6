// Runs a fuzzer without libFuzzer: every file of its corpus once, then a fixed number of mutations
// of them, the same on every machine. What ends the program is kept first, to be run again.
//
//     NAME_replay FILE|FOLDER... [--mutations N]
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Of the sanitizers' run time; not there in a build without them.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t longest_input = 8192;

Bytes current;
std::string kept_as;

// Also called from a signal handler. What is wrong is wrong already, so an allocation that hangs or
// crashes loses the file only; the test fails all the same.
void keep_current() {
    std::ofstream file(kept_as, std::ios::binary);
    file.write(reinterpret_cast<const char*>(current.data()),
               static_cast<std::streamsize>(current.size()));
    file.close();
    std::cerr << "the input is kept in " << kept_as << std::endl;
}

extern "C" void on_signal(int number) {
    std::signal(number, SIG_DFL);
    keep_current();
    std::raise(number);
}

// xorshift64: the same numbers with every library.
class Numbers {
public:
    std::uint64_t next() {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return state_;
    }
    std::size_t below(std::size_t limit) {
        return limit == 0 ? 0 : static_cast<std::size_t>(next() % limit);
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15U;
};

void run(const Bytes& input) {
    current = input;
    // A block of just that size, so that AddressSanitizer sees a read behind its end.
    const Bytes exact(current);
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void flip_bits(Bytes& input, Numbers& numbers) {
    for (std::size_t i = 0; i < 1 + numbers.below(4) && !input.empty(); ++i) {
        input[numbers.below(input.size())] ^= static_cast<std::uint8_t>(1U << numbers.below(8));
    }
}

void set_bytes(Bytes& input, Numbers& numbers) {
    constexpr std::uint8_t notable[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, '\n', '"'};
    for (std::size_t i = 0; i < 1 + numbers.below(8) && !input.empty(); ++i) {
        const bool any = numbers.below(2) == 0;
        input[numbers.below(input.size())] = any ? static_cast<std::uint8_t>(numbers.next())
                                                 : notable[numbers.below(std::size(notable))];
    }
}

void cut_out(Bytes& input, Numbers& numbers) {
    const std::size_t begin = numbers.below(input.size());
    const std::size_t size = numbers.below(input.size() - begin + 1);
    const auto first = input.begin() + static_cast<std::ptrdiff_t>(begin);
    input.erase(first, first + static_cast<std::ptrdiff_t>(size));
}

// A part of `other`, put in or put over.
void splice(Bytes& input, const Bytes& other, Numbers& numbers) {
    const std::size_t begin = numbers.below(other.size());
    const std::size_t size = numbers.below(other.size() - begin + 1);
    const auto first = other.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t place = numbers.below(input.size() + 1);
    if (numbers.below(2) == 0) {
        input.resize(place);
    }
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(std::min(place, input.size())), first,
                 first + static_cast<std::ptrdiff_t>(size));
}

void mutate(Bytes& input, const std::vector<Bytes>& corpus, Numbers& numbers) {
    switch (numbers.below(5)) {
        case 0:
            flip_bits(input, numbers);
            break;
        case 1:
            set_bytes(input, numbers);
            break;
        case 2:
            input.resize(numbers.below(input.size() + 1));
            break;
        case 3:
            cut_out(input, numbers);
            break;
        default:
            splice(input, corpus[numbers.below(corpus.size())], numbers);
            break;
    }
    input.resize(std::min(input.size(), longest_input));
}

Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::cerr << "cannot read " << path << '\n';
        std::exit(2);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) {
        return {path};
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);  // a folder has no order of its own
    return files;
}

void prepare_to_fail(const std::string& program) {
    kept_as = program + "-finding";
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
        // The sanitizers report the others themselves.
        if (number == SIGABRT || __sanitizer_set_death_callback == nullptr) {
            std::signal(number, on_signal);
        }
    }
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(keep_current);
    }
}

}  // namespace

int main(int count, char** arguments) {
    prepare_to_fail(arguments[0]);
    std::size_t mutations = 0;
    std::vector<Bytes> corpus;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--mutations" && i + 1 < count) {
            mutations = std::stoul(arguments[++i]);
            continue;
        }
        for (const auto& path : files_in(argument)) {
            corpus.push_back(read(path));
        }
    }
    if (corpus.empty()) {
        std::cerr << "there is nothing to run\n";
        return 2;
    }
    for (const Bytes& input : corpus) {
        run(input);
    }
    Numbers numbers;
    for (std::size_t i = 0; i < mutations; ++i) {
        Bytes input = corpus[numbers.below(corpus.size())];
        for (std::size_t step = 0; step < 1 + numbers.below(3); ++step) {
            mutate(input, corpus, numbers);
        }
        run(input);
    }
    std::cout << corpus.size() << " inputs and " << mutations << " mutations\n";
    return 0;
}
