"""What the pages say, in two languages."""

from __future__ import annotations

from collections.abc import Mapping

PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Recommendations",
        "hello": "What do you like?",
        "hello_about": "Pick three, and a list is made for you. You can change your mind later.",
        "pick": "Some of what others buy, as unlike as can be",
        "begin": "Show me a list",
        "for_you": "For you",
        "for_all": "What sells",
        "about": (
            "By what is written of each item and by what you and others did. A reason that names "
            "something of yours was tried: without it the item would stand lower."
        ),
        "about_all": "You are not followed: everybody who is not sees this list.",
        "nothing": "There is nothing to recommend now; come back later.",
        "diversity": "How unlike each other the items are to be",
        "alike": "alike",
        "unlike": "unlike",
        "apply": "Apply",
        "bought": "I buy this",
        "more": "More like this",
        "refuse": "Not interested",
        "reason_like": "Like “{item}”",
        "reason_with": "Bought by those who bought “{item}”",
        "reason_interest": "Since you picked “{item}”",
        "reason_seen": "You looked at it",
        "reason_popular": "Sells well this month",
        "reason_new": "New",
        "reason_ranked": "By all that is known of you together",
        "reason_drawn": "Drawn by lot, to learn what you like",
        "done": "What you did here",
        "picked": "You picked: {items}.",
        "did_bought": "Bought: {item}",
        "did_clicked": "Wanted more like: {item}",
        "did_returned": "Sent back: {item}",
        "did_refused": "Not interested in: {item}",
        "privacy": "Your data",
        "privacy_about": (
            "What you do here is kept to make your lists. If you are followed no longer it is "
            "erased, and rankings that learnt from it are fitted anew without it."
        ),
        "mine": "Download what is kept of you",
        "follow_not": "Do not follow me",
        "follow": "Follow me again",
        "forget": "Erase all that I did",
        "forgotten": "All that you did is erased.",
        # operators
        "report": "Report",
        "state": "{items} items ({withdrawn} withdrawn), {deeds} deeds that count.",
        "rankings": "Rankings",
        "rankings_about": (
            "Each was fitted on what was done up to its time. The figures are of one fitted on all "
            "but the last days, for lists of 20 of what a person had not bought."
        ),
        "rankings_none": "None is fitted yet: lists are made by texts and sales.",
        "ranking": "Ranking",
        "fitted": "Fitted",
        "recall": "Recall, %",
        "ndcg": "NDCG, %",
        "coverage": "Coverage, %",
        "distance": "Distance",
        "in_use": "In use",
        "used": "in use",
        "use": "Use this one",
        "fit": "Fit one now",
        "fit_asked": "A ranking is being fitted; it is used when it is ready.",
        "groups": "For whom it works",
        "groups_about": (
            "What {persons} persons bought for the first time in {days} days from {since} on, and "
            "how much of it a list of 20 held."
        ),
        "group": "Purchases",
        "persons": "Persons",
        "by_sales_recall": "Best sellers, recall, %",
        "group_all": "all",
        "group_warm": "of items that were bought before",
        "group_cold": "of items that nobody had bought before, ranked among themselves",
        "group_newcomers": "of newcomers, after three picks",
        "price": "What diversity costs",
        "price_about": (
            "Distance: one less the likeness of the texts of a list's items, on average. "
            "Coverage: share of all items that stand on somebody's list."
        ),
        "rounds": "Learning from its own lists",
        "rounds_about": (
            "Simulated: persons see only lists, take what they later really bought where it is "
            "shown, and each round a ranking is fitted on that."
        ),
        "round": "Round",
        "live": "Lists of the last 30 days",
        "live_about": (
            "{lists} lists were made for persons who are followed; of {percent} % something was "
            "clicked or bought."
        ),
        "live_none": "No list was made yet for anybody who is followed.",
        "estimates_about": (
            "What other ways to choose would have earned, by {drawn} places that were drawn by "
            "lot, each weighed by its chance (inverse propensity scoring)."
        ),
        "policy": "Way to choose",
        "rate": "Taken, %",
        "interval": "95 % interval",
        "trials": "Drawn places that count",
        "policy_shown": "as shown",
        "policy_by score alone": "by score alone, without diversity",
        "policy_by sales": "best sellers",
        "policy_by text": "the likest texts",
        "places": "The pull of a place",
        "places_about": (
            "Items drawn by lot are as good at one place as at another: what differs is the place."
        ),
        "place": "Place",
        "shown": "Shown",
        "taken": "Taken",
    },
    "zh": {
        "title": "推荐",
        "hello": "您喜欢什么？",
        "hello_about": "选择三项，即可生成您的推荐列表。以后可以随时更改。",
        "pick": "其他人购买的部分商品，彼此差异尽可能大",
        "begin": "生成列表",
        "for_you": "为您推荐",
        "for_all": "热销商品",
        "about": (
            "依据商品文字以及您和其他人的行为。凡是提到您的某件商品的理由都经过验证："
            "没有它，该商品的排名会更低。"
        ),
        "about_all": "您未被跟踪：所有未被跟踪的人看到的都是此列表。",
        "nothing": "暂时没有可推荐的商品，请稍后再来。",
        "diversity": "商品之间的差异程度",
        "alike": "相似",
        "unlike": "多样",
        "apply": "应用",
        "bought": "购买",
        "more": "更多类似商品",
        "refuse": "不感兴趣",
        "reason_like": "与“{item}”相似",
        "reason_with": "购买“{item}”的人也购买了它",
        "reason_interest": "因为您选择了“{item}”",
        "reason_seen": "您看过它",
        "reason_popular": "本月热销",
        "reason_new": "新品",
        "reason_ranked": "综合您的全部信息",
        "reason_drawn": "随机抽取，以了解您的喜好",
        "done": "您在此的行为",
        "picked": "您选择了：{items}。",
        "did_bought": "已购买：{item}",
        "did_clicked": "想要更多类似：{item}",
        "did_returned": "已退回：{item}",
        "did_refused": "不感兴趣：{item}",
        "privacy": "您的数据",
        "privacy_about": (
            "您在此的行为会被保存，用于生成您的列表。如果您不再被跟踪，这些数据将被删除，"
            "由其训练的排名模型也会重新训练。"
        ),
        "mine": "下载保存的您的数据",
        "follow_not": "不要跟踪我",
        "follow": "重新跟踪我",
        "forget": "删除我的全部行为",
        "forgotten": "您的全部行为都已删除。",
        "report": "报告",
        "state": "{items} 件商品（已撤下 {withdrawn} 件），{deeds} 条有效行为。",
        "rankings": "排名模型",
        "rankings_about": (
            "每个模型都用其时间之前的行为训练。数字来自不含最后若干天的同类模型，"
            "列表为 20 件此人未购买过的商品。"
        ),
        "rankings_none": "尚未训练：列表依据文字和销量生成。",
        "ranking": "模型",
        "fitted": "训练时间",
        "recall": "召回率 %",
        "ndcg": "NDCG %",
        "coverage": "覆盖率 %",
        "distance": "差异度",
        "in_use": "使用中",
        "used": "使用中",
        "use": "使用此模型",
        "fit": "立即训练",
        "fit_asked": "正在训练模型，完成后即会使用。",
        "groups": "对谁有效",
        "groups_about": (
            "从 {since} 起 {days} 天内 {persons} 人首次购买的商品中，20 件的列表包含了多少。"
        ),
        "group": "购买",
        "persons": "人数",
        "by_sales_recall": "热销榜召回率 %",
        "group_all": "全部",
        "group_warm": "之前有人购买过的商品",
        "group_cold": "之前无人购买过的商品，仅在其间排名",
        "group_newcomers": "新用户，选择三项之后",
        "price": "多样性的代价",
        "price_about": (
            "差异度：一减去列表中商品文字相似度的平均值。覆盖率：出现在任一列表中的商品比例。"
        ),
        "rounds": "从自己的列表学习",
        "rounds_about": (
            "模拟：用户只看到列表，若其中有其后来真正购买的商品则购买，每轮据此重新训练。"
        ),
        "round": "轮次",
        "live": "最近 30 天的列表",
        "live_about": "为被跟踪的用户生成了 {lists} 个列表，其中 {percent} % 有点击或购买。",
        "live_none": "尚未为任何被跟踪的用户生成列表。",
        "estimates_about": (
            "根据 {drawn} 个随机抽取的位置，按其概率加权（逆倾向评分），估计其他选择方式的结果。"
        ),
        "policy": "选择方式",
        "rate": "采纳率 %",
        "interval": "95 % 区间",
        "trials": "计入的抽取位置",
        "policy_shown": "实际展示",
        "policy_by score alone": "仅按得分，不考虑多样性",
        "policy_by sales": "热销榜",
        "policy_by text": "文字最相似",
        "places": "位置的影响",
        "places_about": "随机抽取的商品在各个位置上同样好：差别只在位置。",
        "place": "位置",
        "shown": "展示",
        "taken": "采纳",
    },
}
