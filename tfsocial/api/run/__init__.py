"""Run an application: customer service, an opinion monitor, a recommender."""

from tfsocial.api.run.customer_service import support as support
from tfsocial.api.run.opinion_monitor import monitor as monitor
from tfsocial.api.run.recommender import recommend as recommend
from tfsocial.api.run.recommender import recommend_fit as recommend_fit
from tfsocial.api.run.recommender import recommend_teach as recommend_teach
from tfsocial.api.run.starting import demo_of as demo_of
