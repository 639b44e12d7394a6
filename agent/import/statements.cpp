// Words and braces -> statements, in all layouts that keepalived reads.
#include <utility>

#include "agent/config/values.hpp"
#include "agent/import/reader.hpp"

namespace understudy::importer {

namespace {

class Builder {
public:
    Builder(const std::vector<Token>& tokens, Notes& notes) : tokens_(tokens), notes_(notes) {}

    std::vector<Statement> block(int depth);

private:
    void finish(std::vector<Statement>& list, Statement& current) {
        if (!current.words.empty()) {
            list.push_back(std::exchange(current, {}));
        }
    }
    void open(std::vector<Statement>& list, Statement& current, const Place& place, int depth);

    const std::vector<Token>& tokens_;
    Notes& notes_;
    std::size_t next_ = 0;
};

// The brace may stand on the line of its keyword or on one of its own.
void Builder::open(std::vector<Statement>& list, Statement& current, const Place& place,
                   int depth) {
    if (current.words.empty() && !list.empty() && !list.back().has_block) {
        current = std::move(list.back());
        list.pop_back();
    }
    if (depth == deepest_block) {
        notes_.add(Severity::error, place,
                   "blocks are nested deeper than " + std::to_string(deepest_block) +
                       "; what follows is not read");
        next_ = tokens_.size();
        return;
    }
    current.block = block(depth + 1);
    current.has_block = true;
    if (current.words.empty()) {
        notes_.add(
            Severity::warning, place,
            "a \"{\" without a keyword: left out with its block; is this a template to fill in?");
        current = {};
    }
    finish(list, current);
}

std::vector<Statement> Builder::block(int depth) {
    std::vector<Statement> list;
    Statement current;
    while (next_ < tokens_.size()) {
        const Token& token = tokens_[next_++];
        if (token.kind == Token::Kind::word) {
            if (current.words.empty()) {
                current.place = token.place;
            }
            current.words.push_back(token.text);
        } else if (token.kind == Token::Kind::line_end) {
            finish(list, current);
        } else if (token.kind == Token::Kind::open) {
            open(list, current, token.place, depth);
        } else if (depth > 0) {
            finish(list, current);
            return list;
        } else {
            finish(list, current);
            notes_.add(Severity::warning, token.place, "a \"}\" that closes nothing");
        }
    }
    if (depth > 0 && !tokens_.empty()) {
        notes_.add(Severity::warning, tokens_.back().place,
                   "a \"}\" is missing: a block is open at the end");
    }
    finish(list, current);
    return list;
}

}  // namespace

std::string Statement::text() const {
    constexpr std::size_t longest = 60;
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : " ") + word;
        if (text.size() > longest) {
            // Not in the middle of a character.
            std::size_t end = longest;
            while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
                --end;
            }
            return text.substr(0, end) + "...";
        }
    }
    return text;
}

std::vector<Statement> build_statements(const std::vector<Token>& tokens, Notes& notes) {
    return Builder(tokens, notes).block(0);
}

}  // namespace understudy::importer
